package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Submit sends a draft to the committee of its trade: a new product, or one
// more revision of the product that it was before. What the draft does not speak
// of, such as translations and the customs code, stays as it was. Sent twice, it
// is sent once; an edit takes the place of one that still waits. It returns
// ErrNoDraft for what is not this artisan's, and ErrIncomplete where something
// is missing.
func Submit(ctx context.Context, tx pgx.Tx, a union.Artisan, token string, at time.Time) error {
	if _, err := tx.Exec(ctx, `SELECT FROM drafts WHERE artisan_id = $1 AND token = $2 FOR UPDATE`, a.ID, token); err != nil {
		return fmt.Errorf("catalog: submit: %w", err)
	}
	d, err := DraftOf(ctx, tx, a.ID, token)
	if err != nil || d.Submitted {
		return err
	}
	b := d.Body
	if d.Missing() != "" {
		return ErrIncomplete
	}
	var kind KindID
	var name lang.Texts
	if kind, name, err = kindOfTrade(ctx, tx, b.Kind, a.Trade); err != nil && !d.Live {
		return err
	}
	terms, err := termIDs(ctx, tx, b)
	if err != nil {
		return err
	}
	variants, err := b.variants(ctx, tx)
	if err != nil {
		return err
	}
	var revision RevisionID
	if d.Product == 0 {
		r := Revision{Number: 1, Title: name, WrittenIn: b.Language, Origin: "MA", ShipMode: Parcel, Voice: d.Voice}
		b.describe(&r, name, d.Voice)
		slug := b.Kind + "-" + strings.ToLower(rand.Text()[:6])
		d.Product, revision, err = AddProduct(ctx, tx, Fresh{Slug: slug, Artisan: a.ID, Trade: a.Trade, Kind: kind,
			Revision: r, Terms: terms, Variants: variants})
	} else {
		revision, err = revise(ctx, tx, d, kind, name, terms, variants)
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE revisions SET state = 'submitted', submitted_at = $2 WHERE id = $1`, revision, at); err != nil {
		return fmt.Errorf("catalog: submit revision: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE drafts SET product_id = $2, submitted_at = $3 WHERE token = $1`, token, d.Product, at)
	if err != nil {
		return fmt.Errorf("catalog: submit: %w", err)
	}
	return nil
}

// describe writes what a draft says into a revision of a piece of that kind. What
// the union wrote down from the voice note that is heard stays.
func (b Body) describe(r *Revision, kind lang.Texts, heard Voice) {
	r.Length, r.Width, r.Height, r.Pictures, r.Second = b.Length, b.Width, b.Height, b.Photos, b.Second
	if r.Weight != b.Weight {
		r.Weight, r.PackedWeight = b.Weight, b.PackedWeight()
	}
	say := func(texts *lang.Texts, words string) {
		if words == (*texts)[b.Language] {
			return
		}
		*texts = maps.Clone(*texts)
		if *texts == nil {
			*texts = lang.Texts{}
		}
		(*texts)[b.Language] = words
	}
	if b.Title != "" && maps.Equal(r.Title, kind) {
		r.Title = lang.Texts{} // The kind's name is no translation of this one.
	}
	if b.Title != "" {
		say(&r.Title, b.Title)
	}
	defer func() { r.Voice = heard }()
	switch {
	case b.Words != "":
		say(&r.Description, b.Words)
	case r.Description[b.Language] != "" && !r.Voice.keeps(heard):
		r.Description = nil // Taken back, and its translations with it.
	}
}

// variants returns what a draft offers for sale.
func (b Body) variants(ctx context.Context, db postgres.DB) ([]Variant, error) {
	sku := func() string { return "KIS-" + rand.Text()[:7] }
	one := Variant{SKU: sku(), Price: money.Centimes(b.Price), Stocked: true, OnHand: 1}
	switch b.Supply {
	case InStock:
		one.OnHand = b.Count
	case ToOrder:
		one.Stocked, one.OnHand, one.LeadDays = false, 0, b.LeadDays
	case Several:
		colours, _, err := TermsOf(ctx, db, "colour", 0)
		if err != nil {
			return nil, err
		}
		list := make([]Variant, len(b.Variants))
		for i, w := range b.Variants {
			v := Variant{SKU: sku(), Price: money.Centimes(w.Price), Stocked: w.Count > 0, OnHand: w.Count}
			if !v.Stocked {
				v.LeadDays = b.LeadDays
			}
			if w.Size != "" {
				v.Options = append(v.Options, Option{Kind: "size", Label: lang.Texts{b.Language: w.Size}})
			}
			if i := slices.IndexFunc(colours, func(t Term) bool { return t.Slug == w.Colour }); i >= 0 {
				v.Options = append(v.Options, Option{Kind: "colour", Label: colours[i].Name})
			}
			list[i] = v
		}
		return list, nil
	}
	return []Variant{one}, nil
}

// revise adds a revision to a product. Until the first is approved its kind,
// price and stock are the draft's; after that they are changed in the list of
// pieces, at once.
func revise(ctx context.Context, tx pgx.Tx, d Draft, kind KindID, name lang.Texts, terms []TermID, list []Variant) (RevisionID, error) {
	r, kept, err := lastRevision(ctx, tx, d.Product)
	if err != nil {
		return 0, err
	}
	if !d.Live {
		if d.Body.Title == "" && !r.Voice.keeps(d.Voice) {
			r.Title = name
		}
		if err := replaceOffer(ctx, tx, d.Product, kind, list); err != nil {
			return 0, err
		}
	}
	d.Body.describe(&r, name, d.Voice)
	_, err = tx.Exec(ctx, `
		UPDATE revisions
		SET state = 'draft', submitted_at = NULL
		WHERE product_id = $1 AND state = 'submitted'`, d.Product)
	if err != nil {
		return 0, fmt.Errorf("catalog: revise: %w", err)
	}
	return addRevision(ctx, tx, d.Product, r, append(terms, kept...))
}

// lastRevision returns what a product says now, as the revision after the last
// would say it: its live revision, or its last where none is live. kept are its
// terms that no draft speaks of.
func lastRevision(ctx context.Context, tx pgx.Tx, p ProductID) (r Revision, kept []TermID, err error) {
	err = tx.QueryRow(ctx, `
		SELECT (SELECT max(number) + 1 FROM revisions WHERE product_id = $1), r.title, r.description, r.written_in,
		       r.weight_g, r.packed_weight_g, coalesce(r.making_minutes, 0), r.fragile, r.hs_code, r.origin,
		       r.ship_mode, r.compliance, r.breakdown, r.buyer_text, coalesce(r.voice_id, 0), r.voice_written_at IS NOT NULL,
		       ARRAY(SELECT t.id FROM revision_terms rt JOIN terms t ON t.id = rt.term_id
		             WHERE rt.revision_id = r.id AND t.vocabulary NOT IN ('material', 'technique') ORDER BY rt.sort)
		FROM revisions r
		JOIN products p ON p.id = r.product_id
		WHERE r.product_id = $1
		ORDER BY (r.id = p.live_id) DESC NULLS LAST, r.number DESC
		LIMIT 1`, p).Scan(&r.Number, &r.Title, &r.Description, &r.WrittenIn, &r.Weight, &r.PackedWeight, &r.MakingMinutes, &r.Fragile,
		&r.HSCode, &r.Origin, &r.ShipMode, &r.Compliance, &r.Breakdown, &r.BuyerText, &r.Voice.ID, &r.Voice.written, &kept)
	if err != nil {
		return Revision{}, nil, fmt.Errorf("catalog: last revision of product %d: %w", p, err)
	}
	return r, kept, nil
}

// replaceOffer gives a product that has never been on sale another kind and
// other variants. They keep their SKUs as far as there are as many.
func replaceOffer(ctx context.Context, tx pgx.Tx, p ProductID, kind KindID, list []Variant) error {
	if _, err := tx.Exec(ctx, `UPDATE products SET kind_id = $2 WHERE id = $1`, p, kind); err != nil {
		return fmt.Errorf("catalog: revise: %w", err)
	}
	before, err := variants(ctx, tx, `v.product_id = $1`, p)
	if err != nil {
		return fmt.Errorf("catalog: revise: %w", err)
	}
	for i := range min(len(before), len(list)) {
		list[i].SKU = before[i].SKU
	}
	if _, err := tx.Exec(ctx, `DELETE FROM variants WHERE product_id = $1`, p); err != nil {
		return fmt.Errorf("catalog: revise: %w", err)
	}
	return addVariants(ctx, tx, p, list)
}

// kindOfTrade returns a kind that the trade makes, or ErrIncomplete for one it
// does not.
func kindOfTrade(ctx context.Context, db postgres.DB, slug string, t union.TradeID) (KindID, lang.Texts, error) {
	var id KindID
	var name lang.Texts
	err := db.QueryRow(ctx, `
		SELECT k.id, k.name
		FROM kinds k
		JOIN kind_trades kt ON kt.kind_id = k.id
		WHERE k.slug = $1 AND kt.trade_id = $2`, slug, t).Scan(&id, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, ErrIncomplete
	}
	if err != nil {
		return 0, nil, fmt.Errorf("catalog: kind %q: %w", slug, err)
	}
	return id, name, nil
}

func termIDs(ctx context.Context, db postgres.DB, b Body) ([]TermID, error) {
	rows, err := db.Query(ctx, `
		SELECT id FROM terms
		WHERE vocabulary = 'material' AND slug = ANY ($1) OR vocabulary = 'technique' AND slug = ANY ($2)
		ORDER BY vocabulary, sort`, slices.Concat([]string{}, b.Materials), slices.Concat([]string{}, b.Techniques))
	if err != nil {
		return nil, fmt.Errorf("catalog: terms: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[TermID])
	if err != nil {
		return nil, fmt.Errorf("catalog: terms: %w", err)
	}
	return ids, nil
}
