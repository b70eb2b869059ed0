// Package page has the union's own texts that say the same for years: its terms,
// how it treats personal data, its glossary, and whatever else it adds.
package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// A Page is a text in Markdown.
type Page struct {
	Slug   string
	Title  lang.Texts
	Body   lang.Texts // CommonMark with tables
	Footer bool       // named at the foot of every page
	Sort   int
}

// Tag is that of every page of the shop, since all name some of these; see
// postgres.Notify.
const Tag = "union"

// Rooted are the pages that stand at an address of their own right under the
// language, which laws and other sites expect there.
var Rooted = []string{"terms", "privacy", "glossary"}

// Path returns where a page stands, under its language and without a slash before
// it: terms, or pages/how-we-pack.
func (p Page) Path() string {
	if slices.Contains(Rooted, p.Slug) {
		return p.Slug
	}
	return "pages/" + p.Slug
}

// ErrNoPage is returned for a page that is not there.
var ErrNoPage = fault.New(fault.NotFound, "error.not_found")

// All returns all pages in the union's order.
func All(ctx context.Context, db postgres.DB) ([]Page, error) {
	rows, err := db.Query(ctx, `SELECT slug, title, body, footer, sort FROM pages ORDER BY sort, slug`)
	if err != nil {
		return nil, fmt.Errorf("page: all: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Page])
	if err != nil {
		return nil, fmt.Errorf("page: all: %w", err)
	}
	return list, nil
}

// InFooter returns the pages that every page names, without their bodies.
func InFooter(ctx context.Context, db postgres.DB) ([]Page, error) {
	rows, err := db.Query(ctx, `SELECT slug, title, NULL::jsonb, footer, sort FROM pages WHERE footer ORDER BY sort, slug`)
	if err != nil {
		return nil, fmt.Errorf("page: in footer: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Page])
	if err != nil {
		return nil, fmt.Errorf("page: in footer: %w", err)
	}
	return list, nil
}

// BySlug returns a page, or ErrNoPage.
func BySlug(ctx context.Context, db postgres.DB, slug string) (Page, error) {
	rows, err := db.Query(ctx, `SELECT slug, title, body, footer, sort FROM pages WHERE slug = $1`, slug)
	if err != nil {
		return Page{}, fmt.Errorf("page: %s: %w", slug, err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Page])
	if errors.Is(err, pgx.ErrNoRows) {
		return Page{}, ErrNoPage
	}
	if err != nil {
		return Page{}, fmt.Errorf("page: %s: %w", slug, err)
	}
	return p, nil
}

// Save writes a page, in place of the one at its address.
func Save(ctx context.Context, tx pgx.Tx, p Page) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO pages (slug, title, body, footer, sort)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (slug) DO UPDATE SET title = $2, body = $3, footer = $4, sort = $5`, p.Slug, p.Title, p.Body, p.Footer, p.Sort)
	if err != nil {
		return fmt.Errorf("page: save %s: %w", p.Slug, err)
	}
	return postgres.Notify(ctx, tx, Tag)
}

// Remove takes a page away.
func Remove(ctx context.Context, tx pgx.Tx, slug string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM pages WHERE slug = $1`, slug); err != nil {
		return fmt.Errorf("page: remove %s: %w", slug, err)
	}
	return postgres.Notify(ctx, tx, Tag)
}

var (
	markdown = goldmark.New(goldmark.WithExtensions(extension.Table))
	// clean lets through what Markdown makes, and nothing that runs, is styled or
	// comes from elsewhere: the policy of the pages would refuse it anyway.
	clean = func() *bluemonday.Policy {
		p := bluemonday.NewPolicy()
		p.AllowElements("h2", "h3", "h4", "p", "br", "hr", "ul", "ol", "li", "blockquote", "em", "strong", "code", "pre",
			"table", "thead", "tbody", "tr", "th", "td")
		p.AllowAttrs("href").OnElements("a")
		p.AllowURLSchemes("https", "http", "mailto", "tel")
		p.AllowRelativeURLs(true)
		p.RequireNoFollowOnFullyQualifiedLinks(true)
		return p
	}()
)

// HTML makes a page of a text in Markdown. Whatever the text contains, what comes
// out can be shown: HTML within it is dropped.
func HTML(text string) (template.HTML, error) {
	var b bytes.Buffer
	if err := markdown.Convert([]byte(text), &b); err != nil {
		return "", fmt.Errorf("page: markdown: %w", err)
	}
	return template.HTML(clean.SanitizeBytes(b.Bytes())), nil
}
