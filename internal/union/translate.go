package union

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// An Untold is an artisan whose story is not told in every language.
type Untold struct {
	Slug      string
	Name      string
	Bio       lang.Texts
	WrittenIn string
	Version   int // of the story, to see that it was not written anew meanwhile
}

// AskUntold asks for the active artisans whose story is not told in a language.
func AskUntold(language string, limit int, list *[]Untold) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		if *list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Untold]); err != nil {
			return fmt.Errorf("union: untold: %w", err)
		}
		return nil
	}, `
		SELECT slug, name, bio, written_in, hashtext(bio::text)
		FROM artisans
		WHERE state = 'active' AND bio IS NOT NULL AND NOT bio ? $1 AND written_in <> $1
		ORDER BY name, slug
		LIMIT $2`, language, limit)
}

// AskCountUntold asks how many stories are not told in each language; what is over
// most is counted as most.
func AskCountUntold(languages []string, most int, counts map[string]int) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) error {
		var language string
		var n int
		if _, err := pgx.ForEachRow(rows, []any{&language, &n}, func() error { counts[language] = n; return nil }); err != nil {
			return fmt.Errorf("union: count untold: %w", err)
		}
		return nil
	}, `
		SELECT l, (SELECT count(*) FROM (
			SELECT FROM artisans
			WHERE state = 'active' AND bio IS NOT NULL AND NOT bio ? l AND written_in <> l
			LIMIT $2) AS some_of_them)
		FROM unnest($1::text[]) AS l`, languages, most)
}

// TranslateBio tells an artisan's story in one more language. What they wrote is
// never touched. It returns ErrNoArtisan where the story is another by now.
func TranslateBio(ctx context.Context, tx pgx.Tx, slug string, version int, language, words string, by identity.AccountID) error {
	var id ArtisanID
	err := tx.QueryRow(ctx, `
		UPDATE artisans
		SET bio = bio || jsonb_build_object($3::text, $4::text)
		WHERE slug = $1 AND bio IS NOT NULL AND hashtext(bio::text) = $2 AND written_in <> $3
		RETURNING id`, slug, version, language, words).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoArtisan
	}
	if err != nil {
		return fmt.Errorf("union: translate the story of %s: %w", slug, err)
	}
	if err := postgres.Notify(ctx, tx, id.Tag(), Lists); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.translated", Subject: "artisan:" + slug,
		After: map[string]string{"language": language}})
}
