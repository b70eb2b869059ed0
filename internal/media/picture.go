// Package media takes pictures in, makes renditions of them and keeps both.
package media

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
)

// PictureID is a picture's key, which never leaves the program.
type PictureID int64

// Tag is that of the pages that show the picture; see postgres.Notify.
func (id PictureID) Tag() string { return "picture:" + strconv.FormatInt(int64(id), 10) }

// A Picture is one that came in, and where its renditions are. Only a ready
// one has any.
type Picture struct {
	ID            PictureID
	Owner         string // a workshop's slug, or the union
	State         State
	Key           string // public name of the renditions
	Widths        []int  // pixels, ascending; each as WebP and as JPEG
	Width, Height int    // pixels, upright
	Fault         string // message key of why it could not be read
}

// State is where a picture is in the pipeline.
type State string

const (
	Waiting State = "waiting"
	Ready   State = "ready"
	Failed  State = "failed"
)

const pictureColumns = `
	p.id, p.owner, p.state, coalesce(p.key, ''), p.widths, p.width, p.height, p.fault`

func scanPicture(row pgx.CollectableRow) (Picture, error) {
	var p Picture
	err := row.Scan(&p.ID, &p.Owner, &p.State, &p.Key, &p.Widths, &p.Width, &p.Height, &p.Fault)
	return p, err
}

// ByIDs returns pictures in whatever state, by their keys.
func ByIDs(ctx context.Context, db postgres.DB, ids []PictureID) (map[PictureID]Picture, error) {
	if len(ids) == 0 {
		return map[PictureID]Picture{}, nil
	}
	rows, err := db.Query(ctx, `
		SELECT `+pictureColumns+`
		FROM pictures p
		WHERE p.id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("media: pictures: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanPicture)
	if err != nil {
		return nil, fmt.Errorf("media: pictures: %w", err)
	}
	byID := make(map[PictureID]Picture, len(list))
	for _, p := range list {
		byID[p.ID] = p
	}
	return byID, nil
}

// Progress counts pictures by state.
func Progress(ctx context.Context, db postgres.DB) (ready, waiting, failed int, err error) {
	err = db.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE state = 'ready'), count(*) FILTER (WHERE state = 'waiting'),
		       count(*) FILTER (WHERE state = 'failed')
		FROM pictures`).Scan(&ready, &waiting, &failed)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("media: progress: %w", err)
	}
	return ready, waiting, failed, nil
}
