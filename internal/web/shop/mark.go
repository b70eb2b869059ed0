package shop

import (
	"context"
	"time"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// Mark is partial/mark: what a committee signed, who did, and until when.
type Mark struct {
	Stars         web.Stars
	Level         int
	Class         string
	Said          string
	Signed        string
	Until         string
	Specification lang.Text
	Invented      bool
}

// marks returns the marks that stand: of a workshop, and of one of its pieces
// where product is not 0. Their pages have the tags of the artisan and of the
// piece, which internal/mark names when one is granted, withdrawn, or runs out.
func marks(ctx context.Context, db postgres.DB, l *lang.Language, a union.ArtisanID, product catalog.ProductID, now time.Time) (workshop, piece []Mark, err error) {
	list, err := mark.On(ctx, db, a, product, now)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range list {
		v := Mark{Stars: web.NewStars(m.Level, m.Levels), Level: m.Level, Class: m.Class, Signed: web.MarkSigned(l, m, now.Location()),
			Until: l.T("mark.until", m.LastDay(now.Location()), m.Visited), Specification: m.Specification.In(l, "fr"), Invented: m.Invented}
		if m.Product != 0 {
			v.Said = web.MarkGrade(l, m, "mark.of_piece")
			piece = append(piece, v)
		} else {
			v.Said = web.MarkGrade(l, m, "mark.of_workshop")
			workshop = append(workshop, v)
		}
	}
	return workshop, piece, nil
}
