package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
)

// A Chained is what CheckAudit found.
type Chained struct {
	Rows     int64  // in the audit
	Place    int64  // of the last one in the chain
	Hash     []byte // of the last one
	Changed  int64  // rows whose hash is another one
	Removed  int64  // places without a row, and places that are not there
	Strange  int64  // rows without a place
	Examples []string
}

// Whole reports whether nothing was changed, removed or slipped in.
func (c Chained) Whole() bool { return c.Changed == 0 && c.Removed == 0 && c.Strange == 0 }

// Seal is the last place and its hash, to be written down elsewhere: whoever can
// write the whole chain anew cannot make it come to the same.
func (c Chained) Seal() string {
	return strconv.FormatInt(c.Place, 10) + ":" + hex.EncodeToString(c.Hash)
}

// mostExamples bounds how many faults are named.
const mostExamples = 5

func (c *Chained) example(format string, args ...any) {
	if len(c.Examples) < mostExamples {
		c.Examples = append(c.Examples, fmt.Sprintf(format, args...))
	}
}

// ErrNoSeal is returned for a text that is no seal.
var ErrNoSeal = errors.New("identity: not like 1234:9f86d0…")

// checkBatch is how many rows are read at once.
const checkBatch = 20_000

// CheckAudit reads the whole audit, in the state of one moment, and holds each
// row against its hash and the one before. seal is one of an earlier check, or
// empty: what it stood for must still be there. Three million rows take some
// twenty seconds and little memory. It returns ErrNoSeal.
func CheckAudit(ctx context.Context, db postgres.Beginner, seal string) (c Chained, err error) {
	sealed, want, err := readSeal(seal)
	if err != nil {
		return Chained{}, err
	}
	err = pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM audit`).Scan(&c.Rows); err != nil {
			return err
		}
		there := int64(0)
		for {
			n, err := c.batch(ctx, tx, &there, sealed, want)
			if err != nil {
				return err
			}
			if n < checkBatch {
				break
			}
		}
		if c.Strange = c.Rows - there; c.Strange != 0 {
			return c.findStrange(ctx, tx)
		}
		return nil
	})
	if err != nil {
		return Chained{}, fmt.Errorf("identity: check the audit: %w", err)
	}
	if sealed > c.Place {
		c.Removed += sealed - c.Place
		c.example("the chain ends at place %d, and once went to %d", c.Place, sealed)
	}
	return c, nil
}

func readSeal(seal string) (place int64, hash []byte, err error) {
	if seal == "" {
		return 0, nil, nil
	}
	before, after, _ := strings.Cut(seal, ":")
	place, err = strconv.ParseInt(before, 10, 64)
	if err != nil || place < 1 {
		return 0, nil, ErrNoSeal
	}
	if hash, err = hex.DecodeString(after); err != nil || len(hash) != sha256.Size {
		return 0, nil, ErrNoSeal
	}
	return place, hash, nil
}

// batch checks the places after c.Place, and returns how many it read.
func (c *Chained) batch(ctx context.Context, tx pgx.Tx, there *int64, sealed int64, want []byte) (n int, err error) {
	// Without a row, the text is of nothing. Otherwise it is what audit_text
	// says, which is not asked: it could have been changed together with a row.
	rows, err := tx.Query(ctx, `
		SELECT c.place, c.audit_id, c.hash, u.id IS NOT NULL,
			jsonb_build_array(u.id, (extract(epoch FROM u.at) * 1000000)::bigint, u.account_id, u.action, u.subject,
			                  u.before, u.after, u.request_id, u.on_behalf)::text
		FROM audit_chain c
		LEFT JOIN audit u ON u.id = c.audit_id
		WHERE c.place > $1
		ORDER BY c.place
		LIMIT $2`, c.Place, checkBatch)
	if err != nil {
		return 0, err
	}
	var place, id int64
	var hash []byte
	var text string
	var is bool
	_, err = pgx.ForEachRow(rows, []any{&place, &id, &hash, &is, &text}, func() error {
		n++
		if gap := place - c.Place - 1; gap > 0 {
			c.Removed += gap
			c.example("places %d to %d are missing", c.Place+1, place-1)
			c.Hash = nil // What it was is not known; the next row is taken at its word.
		}
		switch sum := sha256.New(); {
		case !is:
			c.Removed++
			c.example("the row of place %d (id %d) is missing", place, id)
		default:
			*there++
			sum.Write(c.Hash)
			sum.Write([]byte(text))
			if (c.Hash != nil || place == 1) && !bytes.Equal(sum.Sum(nil), hash) {
				c.Changed++
				c.example("the row of place %d (id %d) is not what was written", place, id)
			}
		}
		if place == sealed && !bytes.Equal(hash, want) {
			c.Changed++
			c.example("place %d once had another hash: the chain was written anew", place)
		}
		c.Place, c.Hash = place, bytes.Clone(hash)
		return nil
	})
	return n, err
}

func (c *Chained) findStrange(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT u.id
		FROM audit u
		WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = u.id)
		ORDER BY u.id
		LIMIT $1`, mostExamples)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, id := range ids {
		c.example("the row with id %d was never chained", id)
	}
	return err
}
