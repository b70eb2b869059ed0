package mark

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
)

// A Seed is a mark of an invented market, which says so of itself.
type Seed struct {
	Artisan  union.ArtisanID
	Product  string // slug; empty for the whole workshop
	Level    int
	Class    string
	Signers  []union.ArtisanID
	StandsIn identity.AccountID // signs besides them; 0 for nobody
	Visitor  string
	Granted  time.Time // in the union's place; the visit was a week before
}

// Plant writes the specifications of an invented market, by committee, its kin,
// and its marks.
func Plant(ctx context.Context, tx pgx.Tx, specifications map[union.CommitteeID]lang.Texts, kin [][2]union.ArtisanID, list []Seed) error {
	b := &pgx.Batch{}
	for c, texts := range specifications {
		b.Queue(`INSERT INTO mark_rules (committee_id, specification) VALUES ($1, $2)`, c, texts)
	}
	for _, k := range kin {
		b.Queue(`INSERT INTO kin (artisan_id, other_id, declared_at) VALUES (least($1::bigint, $2), greatest($1::bigint, $2), now())`, k[0], k[1])
	}
	for _, s := range list {
		ref := strings.ToLower(rand.Text())
		b.Queue(`
			WITH visit AS (
				INSERT INTO workshop_visits (artisan_id, day, visitor, at) VALUES ($2, $7::date, $8, $7) RETURNING id
			)
			INSERT INTO marks (ref, artisan_id, product_id, committee_id, level, class, specification, state, proposed_at, visit_id,
				decided_at, begins_at, ends_at, invented)
			SELECT $1, $2, (SELECT id FROM products WHERE slug = $3), r.committee_id, $4, $5, r.specification, 'granted', $7, visit.id, $6, $6, $9, true
			FROM visit, artisans a
			JOIN trades t ON t.id = a.trade_id
			JOIN mark_rules r ON r.committee_id = t.committee_id
			WHERE a.id = $2`,
			ref, s.Artisan, s.Product, s.Level, s.Class, s.Granted, s.Granted.AddDate(0, 0, -7), s.Visitor, endOf(s.Granted, usual.Months))
		for i, signer := range s.Signers {
			b.Queue(`
				INSERT INTO mark_votes (mark_id, artisan_id, verdict, language, at)
				SELECT id, $2, 'signed', 'fr', $3 FROM marks WHERE ref = $1`, ref, signer, s.Granted.AddDate(0, 0, i-len(s.Signers)))
		}
		if s.StandsIn != 0 {
			b.Queue(`
				INSERT INTO mark_votes (mark_id, account_id, verdict, language, at)
				SELECT id, $2, 'signed', 'fr', $3 FROM marks WHERE ref = $1`, ref, s.StandsIn, s.Granted)
		}
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("mark: plant: %w", err)
	}
	return nil
}
