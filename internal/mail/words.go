package mail

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// Words returns a language as letters speak it: with what the union says
// otherwise than the program.
func Words(ctx context.Context, db postgres.DB, code string) (*lang.Language, error) {
	l := lang.Or(code)
	rows, err := db.Query(ctx, `SELECT key, words ->> $1 FROM mail_texts WHERE words ? $1`, l.Code)
	if err != nil {
		return nil, fmt.Errorf("mail: words in %s: %w", l.Code, err)
	}
	own := map[string]string{}
	var key, words string
	if _, err := pgx.ForEachRow(rows, []any{&key, &words}, func() error { own[key] = words; return nil }); err != nil {
		return nil, fmt.Errorf("mail: words in %s: %w", l.Code, err)
	}
	return l.With(own), nil
}

// OwnWords returns every message that the union says otherwise, by its key.
func OwnWords(ctx context.Context, db postgres.DB) (map[string]lang.Texts, error) {
	rows, err := db.Query(ctx, `SELECT key, words FROM mail_texts`)
	if err != nil {
		return nil, fmt.Errorf("mail: own words: %w", err)
	}
	own := map[string]lang.Texts{}
	var key string
	var words lang.Texts
	if _, err := pgx.ForEachRow(rows, []any{&key, &words}, func() error { own[key] = words; words = nil; return nil }); err != nil {
		return nil, fmt.Errorf("mail: own words: %w", err)
	}
	return own, nil
}

// SetWords has letters say a message otherwise, in those languages that words
// has; in none, it is the program's again.
func SetWords(ctx context.Context, tx pgx.Tx, key string, words lang.Texts) error {
	if !strings.HasPrefix(key, "mail.") {
		return fmt.Errorf("mail: %q is no message of a letter", key)
	}
	sql, args := `INSERT INTO mail_texts (key, words) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET words = $2`, []any{key, words}
	if len(words) == 0 {
		sql, args = `DELETE FROM mail_texts WHERE key = $1`, []any{key}
	}
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("mail: set words of %s: %w", key, err)
	}
	return nil
}

// Preview returns a letter as text and sends nothing.
func (o *Office) Preview(l *lang.Language, d Draft, f Frame) (string, error) {
	html, err := o.render(l, d, f)
	if err != nil {
		return "", err
	}
	return PlainText(html), nil
}
