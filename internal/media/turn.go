package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// edits are what an owner asked for, beyond the photo as it came.
type edits struct {
	Turn int `json:"turn,omitempty"` // quarters clockwise, 1 to 3
}

// Turned returns a picture turned a quarter clockwise, as another picture of the
// same original: what shows the one that was there goes on showing it. Four
// times, it is as it came. Nothing is queued: see Queue. It returns
// ErrNoPicture for a picture that is not the owner's.
func (l *Library) Turned(ctx context.Context, tx pgx.Tx, owner string, id PictureID) (PictureID, error) {
	var e edits
	var hash []byte
	err := tx.QueryRow(ctx, `SELECT hash, edits FROM pictures WHERE id = $1 AND owner = $2`, id, owner).Scan(&hash, &e)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, ErrNoPicture
	}
	if err != nil {
		return 0, fmt.Errorf("media: turn: %w", err)
	}
	if err := lockOriginal(ctx, tx, hash); err != nil {
		return 0, err
	}
	e.Turn = (e.Turn + 1) % 4
	asked, err := json.Marshal(e)
	if err != nil {
		return 0, fmt.Errorf("media: turn: %w", err)
	}
	var turned PictureID
	err = tx.QueryRow(ctx, `
		INSERT INTO pictures (owner, hash, format, bytes, width, height, edits)
		SELECT owner, hash, format, bytes, height, width, $2
		FROM pictures
		WHERE id = $1
		ON CONFLICT (owner, hash, edits) DO UPDATE SET taken_at = now()
		RETURNING id`, id, asked).Scan(&turned)
	if err != nil {
		return 0, fmt.Errorf("media: turn: %w", err)
	}
	return turned, nil
}

// quarter says how a picture stands that stood so and was turned a quarter
// clockwise (Exif 2.32, Orientation: 6 is a quarter, 3 a half, 8 three; 2, 7, 4
// and 5 are the same, mirrored).
var quarter = map[orientation]orientation{1: 6, 6: 3, 3: 8, 8: 1, 2: 7, 7: 4, 4: 5, 5: 2}

// turnedBy returns the orientation after so many quarters clockwise.
func (o orientation) turnedBy(quarters int) orientation {
	for range quarters {
		o = quarter[o]
	}
	return o
}
