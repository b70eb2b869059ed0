package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// KindsOf returns the kinds that a trade makes, each with a picture of one that
// is on sale, so that they can be told apart without reading.
func KindsOf(ctx context.Context, db postgres.DB, t union.TradeID) ([]Kind, error) {
	rows, err := db.Query(ctx, `
		SELECT k.slug, k.name, k.sort,
		       coalesce((SELECT c.picture_id FROM cards c WHERE c.kind_id = k.id ORDER BY c.published_at DESC LIMIT 1), 0)
		FROM kinds k
		JOIN kind_trades kt ON kt.kind_id = k.id
		WHERE kt.trade_id = $1
		ORDER BY k.sort`, t)
	if err != nil {
		return nil, fmt.Errorf("catalog: kinds: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Kind, error) {
		var k Kind
		err := row.Scan(&k.Slug, &k.Name, &k.Sort, &k.Picture)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: kinds: %w", err)
	}
	return list, nil
}

// TermsOf returns a vocabulary, with what a trade's own pieces are described
// with first, and how many those are.
func TermsOf(ctx context.Context, db postgres.DB, vocabulary string, t union.TradeID) (list []Term, usual int, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+termColumns+`, EXISTS (
			SELECT FROM revision_terms rt
			JOIN products p ON p.live_id = rt.revision_id
			WHERE rt.term_id = t.id AND p.trade_id = $2) AS usual
		FROM terms t
		WHERE t.vocabulary = $1
		ORDER BY usual DESC, t.sort`, vocabulary, t)
	if err != nil {
		return nil, 0, fmt.Errorf("catalog: %ss: %w", vocabulary, err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Term, error) {
		var m Term
		var ours bool
		err := row.Scan(&m.ID, &m.Vocabulary, &m.Slug, &m.Name, &m.Hex, &ours)
		if ours {
			usual++
		}
		return m, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("catalog: %ss: %w", vocabulary, err)
	}
	return list, usual, nil
}
