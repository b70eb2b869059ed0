package moderation

import (
	"context"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Copy is a photo of a piece that looks like one of another workshop. Which of
// them took it is for the committee to say.
type Copy struct {
	Photo, Other media.PictureID
	Artisan      union.ArtisanID // whose the other one is
	Piece        catalog.Showing // that shows the other one; of no slug where only the workshop's page does
}

// mostCopies bounds what is shown beside one piece.
const mostCopies = 6

// Copies returns, by revision, which photos of pieces look like some of other
// workshops, in the order of the pieces' own photos.
func Copies(ctx context.Context, db postgres.DB, list []catalog.Submitted) (map[catalog.RevisionID][]Copy, error) {
	var photos []media.PictureID
	for _, s := range list {
		photos = append(photos, s.Pictures...)
	}
	copies := map[catalog.RevisionID][]Copy{}
	alike, err := media.Alike(ctx, db, photos)
	if err != nil || len(alike) == 0 {
		return copies, err
	}
	var others []media.PictureID
	for _, ids := range alike {
		others = append(others, ids...)
	}
	var pieces []catalog.Showing
	workshops := map[media.PictureID]union.ArtisanID{}
	if err := postgres.Together(ctx, db, catalog.AskPiecesWith(others, &pieces), union.AskWorkshopsWith(others, workshops)); err != nil {
		return nil, err
	}
	byPicture := map[media.PictureID][]catalog.Showing{}
	for _, p := range pieces {
		byPicture[p.Picture] = append(byPicture[p.Picture], p)
	}
	for _, s := range list {
		found := copies[s.Revision]
		for _, photo := range s.Pictures {
			for _, other := range alike[photo] {
				for _, p := range byPicture[other] {
					if p.Artisan != s.Artisan {
						found = append(found, Copy{photo, other, p.Artisan, p})
					}
				}
				if a, ok := workshops[other]; ok && a != s.Artisan && len(byPicture[other]) == 0 {
					found = append(found, Copy{Photo: photo, Other: other, Artisan: a})
				}
			}
		}
		if len(found) > 0 {
			copies[s.Revision] = found[:min(len(found), mostCopies)]
		}
	}
	return copies, nil
}
