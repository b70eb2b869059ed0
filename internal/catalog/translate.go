package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// An Untold is a piece that buyers see and that is not told in every language.
type Untold struct {
	Slug        string
	Number      int // of the revision that buyers see
	Title       lang.Texts
	Description lang.Texts // nil where there is none
	WrittenIn   string
}

// AskUntold asks for the pieces on sale that are not told in a language, the
// newest first.
func AskUntold(language string, limit int, list *[]Untold) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		if *list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Untold]); err != nil {
			return fmt.Errorf("catalog: untold: %w", err)
		}
		return nil
	}, `
		SELECT p.slug, r.number, r.title, r.description, r.written_in
		FROM revisions r
		JOIN products p ON p.live_id = r.id AND p.state = 'on_sale'
		WHERE r.lacks <> '{}' AND r.lacks @> ARRAY[$1::text] AND r.written_in <> $1
		ORDER BY p.published_at DESC, p.slug
		LIMIT $2`, language, limit)
}

// AskCountUntold asks how many pieces on sale are not told in each language; what
// is over most is counted as most.
func AskCountUntold(languages []string, most int, counts map[string]int) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) error {
		var language string
		var n int
		if _, err := pgx.ForEachRow(rows, []any{&language, &n}, func() error { counts[language] = n; return nil }); err != nil {
			return fmt.Errorf("catalog: count untold: %w", err)
		}
		return nil
	}, `
		SELECT l, (SELECT count(*) FROM (
			SELECT FROM revisions r
			JOIN products p ON p.live_id = r.id AND p.state = 'on_sale'
			WHERE r.lacks <> '{}' AND r.lacks @> ARRAY[l] AND r.written_in <> l
			LIMIT $2) AS some_of_them)
		FROM unnest($1::text[]) AS l`, languages, most)
}

// Translate tells what buyers see of a piece in one more language, or otherwise:
// its title, or its description. What its maker wrote is never touched. It returns
// ErrNoProduct where buyers see another revision by now, or none.
func Translate(ctx context.Context, tx pgx.Tx, slug string, number int, title bool, language, words string, by identity.AccountID) error {
	column := map[bool]string{true: "title", false: "description"}[title]
	var id ProductID
	err := tx.QueryRow(ctx, `
		UPDATE revisions r
		SET `+column+` = r.`+column+` || jsonb_build_object($3::text, $4::text)
		FROM products p
		WHERE p.slug = $1 AND p.live_id = r.id AND r.number = $2 AND r.written_in <> $3 AND r.`+column+` IS NOT NULL
		RETURNING p.id`, slug, number, language, words).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoProduct
	}
	if err != nil {
		return fmt.Errorf("catalog: translate %s: %w", slug, err)
	}
	if err := Refresh(ctx, tx, []ProductID{id}); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "product.translated", Subject: "product:" + slug,
		After: map[string]string{"language": language, column: words}})
}
