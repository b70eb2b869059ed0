package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// ErrNothingLeft is returned for a product of which every piece is sold or is
// being paid for: a sold piece keeps its page.
var ErrNothingLeft = fault.New(fault.Conflict, "studio.nothing_left")

// OwnProduct returns one of an artisan's products, in whatever state. Anyone
// else's is as absent as what never was: ErrNoProduct.
func OwnProduct(ctx context.Context, db postgres.DB, a union.ArtisanID, slug string) (Own, error) {
	rows, err := db.Query(ctx, ownQuery+`
		WHERE p.artisan_id = $1 AND p.slug = $2`, a, slug)
	if err != nil {
		return Own{}, fmt.Errorf("catalog: own product: %w", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, scanOwn)
	if errors.Is(err, pgx.ErrNoRows) {
		return Own{}, ErrNoProduct
	}
	if err != nil {
		return Own{}, fmt.Errorf("catalog: own product: %w", err)
	}
	if o.Variants, err = variants(ctx, db, `v.product_id = $1`, o.ID); err != nil {
		return Own{}, fmt.Errorf("catalog: own product: %w", err)
	}
	return o, nil
}

// Left reports whether a piece of it can still be bought.
func (o Own) Left() bool {
	for _, v := range o.Variants {
		if v.Free() > 0 {
			return true
		}
	}
	return false
}

// Withdraw takes an artisan's product off the market, and logs it. Whoever is
// paying for a piece of it at that moment still gets it. Done twice, it is done
// once. It returns ErrNoProduct for what is not this artisan's or never was on
// sale, and ErrNothingLeft where no piece is left to take away.
func Withdraw(ctx context.Context, tx pgx.Tx, a union.ArtisanID, slug string, by identity.AccountID) error {
	return move(ctx, tx, a, slug, OnSale, Withdrawn, by, "product.withdrawn")
}

// PutBack puts a product that its artisan had withdrawn back on the market as
// it was approved, and logs it. Done twice, it is done once. It returns
// ErrNoProduct for what is not this artisan's, or which the union took down.
func PutBack(ctx context.Context, tx pgx.Tx, a union.ArtisanID, slug string, by identity.AccountID) error {
	return move(ctx, tx, a, slug, Withdrawn, OnSale, by, "product.put_back")
}

// move takes a product from one state to another.
func move(ctx context.Context, tx pgx.Tx, a union.ArtisanID, slug string, from, to State, by identity.AccountID, action string) error {
	// The variants are locked as a buyer's hold locks them, in key order: what is
	// counted here cannot be held by someone a moment later.
	_, err := tx.Exec(ctx, `
		SELECT FROM variants v
		JOIN products p ON p.id = v.product_id
		WHERE p.artisan_id = $1 AND p.slug = $2
		ORDER BY v.id
		FOR NO KEY UPDATE`, a, slug)
	if err != nil {
		return fmt.Errorf("catalog: move %s: %w", slug, err)
	}
	o, err := OwnProduct(ctx, tx, a, slug)
	if err != nil {
		return err
	}
	switch {
	case o.State == to:
		return nil
	case o.State != from:
		return ErrNoProduct
	case to == Withdrawn && !o.Left():
		return ErrNothingLeft
	}
	if _, err := tx.Exec(ctx, `UPDATE products SET state = $2 WHERE id = $1`, o.ID, to); err != nil {
		return fmt.Errorf("catalog: move %s: %w", slug, err)
	}
	if err := Refresh(ctx, tx, []ProductID{o.ID}); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: action, Subject: "product:" + slug,
		Before: map[string]State{"state": from}, After: map[string]State{"state": to}})
}

// Copy starts a draft with what an artisan's product says, logs it, and returns
// the draft's token: photos, kind, price, number, sizes and colours, materials,
// and the words as readers of l see them. It returns ErrNoProduct for what is not
// this artisan's.
func Copy(ctx context.Context, tx pgx.Tx, a union.ArtisanID, slug string, l *lang.Language, by identity.AccountID) (token string, err error) {
	o, err := OwnProduct(ctx, tx, a, slug)
	if err != nil {
		return "", err
	}
	b, err := bodyOf(ctx, tx, o, l)
	if err != nil {
		return "", err
	}
	if token, err = begin(ctx, tx, a, b); err != nil {
		return "", err
	}
	return token, identity.Record(ctx, tx, identity.Entry{By: by, Action: "product.copied", Subject: "product:" + slug})
}

// Edit opens a product that was approved before for another revision, and
// returns its draft's token. Buyers go on seeing what was approved until the new
// one is. Where the product is being edited already, it leads there. It returns
// ErrNoProduct for what is not this artisan's or was never approved.
func Edit(ctx context.Context, tx pgx.Tx, a union.ArtisanID, slug string, l *lang.Language, by identity.AccountID) (token string, err error) {
	o, err := OwnProduct(ctx, tx, a, slug)
	if err != nil {
		return "", err
	}
	if o.State != OnSale && o.State != Withdrawn {
		return "", ErrNoProduct
	}
	// Two phones open one draft: whoever is second waits here for the first.
	if _, err := tx.Exec(ctx, `SELECT FROM products WHERE id = $1 FOR NO KEY UPDATE`, o.ID); err != nil {
		return "", fmt.Errorf("catalog: edit %s: %w", slug, err)
	}
	err = tx.QueryRow(ctx, `SELECT token FROM drafts WHERE product_id = $1 AND submitted_at IS NULL`, o.ID).Scan(&token)
	if err == nil {
		return token, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("catalog: edit %s: %w", slug, err)
	}
	// What waits for the committee is gone on with, and not what buyers see.
	err = tx.QueryRow(ctx, `
		UPDATE drafts d
		SET submitted_at = NULL, version = version + 1, updated_at = now()
		WHERE product_id = $1 AND EXISTS (SELECT FROM revisions WHERE product_id = $1 AND state = 'submitted')
		RETURNING token`, o.ID).Scan(&token)
	if errors.Is(err, pgx.ErrNoRows) {
		var b Body
		if b, err = bodyOf(ctx, tx, o, l); err != nil {
			return "", err
		}
		err = tx.QueryRow(ctx, `
			INSERT INTO drafts (token, artisan_id, product_id, body, voice_id, voice_played)
			SELECT $1, $2, $3, $4, voice_id, voice_played FROM revisions WHERE id = $5
			ON CONFLICT (product_id) DO UPDATE
			SET body = excluded.body, voice_id = excluded.voice_id, voice_played = excluded.voice_played, submitted_at = NULL, version = drafts.version + 1, updated_at = now()
			RETURNING token`, strings.ToLower(rand.Text()), a, o.ID, b, o.revision).Scan(&token)
	}
	if err != nil {
		return "", fmt.Errorf("catalog: edit %s: %w", slug, err)
	}
	return token, identity.Record(ctx, tx, identity.Entry{By: by, Action: "product.edited", Subject: "product:" + slug})
}

// LeaveAsIs gives up editing a product that was approved before: its draft goes,
// and what buyers see stays. It returns ErrNoDraft for what is not that, or was
// sent already.
func LeaveAsIs(ctx context.Context, tx pgx.Tx, a union.ArtisanID, token string) error {
	tag, err := tx.Exec(ctx, `
		DELETE FROM drafts d
		USING products p
		WHERE d.artisan_id = $1 AND d.token = $2 AND d.submitted_at IS NULL AND p.id = d.product_id AND p.live_id IS NOT NULL`, a, token)
	if err != nil {
		return fmt.Errorf("catalog: leave as is: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNoDraft
	}
	return nil
}

// bodyOf returns what a product says, as a draft does, in the words that readers
// of l see.
func bodyOf(ctx context.Context, tx pgx.Tx, o Own, l *lang.Language) (Body, error) {
	title := o.Title.In(l, o.WrittenIn)
	b := Body{Language: title.Lang, Supply: OneOfAKind}
	var description, kindName lang.Texts
	err := tx.QueryRow(ctx, `
		SELECT k.slug, k.name, r.description, r.second, coalesce(r.length_mm, 0), coalesce(r.width_mm, 0), coalesce(r.height_mm, 0), r.weight_g,
		       ARRAY(SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position),
		       ARRAY(SELECT t.slug FROM revision_terms rt JOIN terms t ON t.id = rt.term_id
		             WHERE rt.revision_id = r.id AND t.vocabulary = 'material' ORDER BY rt.sort),
		       ARRAY(SELECT t.slug FROM revision_terms rt JOIN terms t ON t.id = rt.term_id
		             WHERE rt.revision_id = r.id AND t.vocabulary = 'technique' ORDER BY rt.sort)
		FROM products p
		JOIN kinds k ON k.id = p.kind_id
		JOIN revisions r ON r.id = $2
		WHERE p.id = $1`, o.ID, o.revision).Scan(&b.Kind, &kindName, &description, &b.Second, &b.Length, &b.Width, &b.Height, &b.Weight,
		&b.Photos, &b.Materials, &b.Techniques)
	if err != nil {
		return Body{}, fmt.Errorf("catalog: body of %s: %w", o.Slug, err)
	}
	b.Words = description[title.Lang] // A draft is in one language.
	// A piece without a name of its own is called by its kind, which is no name.
	if title.Words != kindName[title.Lang] {
		b.Title = title.Words
	}
	if len(o.Variants) == 0 {
		return b, nil
	}
	b.Price, b.LeadDays = o.Variants[0].Price.Minor, o.Variants[0].LeadDays
	switch v := o.Variants[0]; {
	case len(o.Variants) > 1:
		b.Supply = Several
		colours, _, err := TermsOf(ctx, tx, "colour", 0)
		if err != nil {
			return Body{}, err
		}
		for _, v := range o.Variants[:min(len(o.Variants), MostVariants)] {
			b.LeadDays = max(b.LeadDays, v.LeadDays)
			w := BodyVariant{Price: v.Price.Minor, Count: v.OnHand}
			for _, option := range v.Options {
				i := slices.IndexFunc(colours, func(t Term) bool { return maps.Equal(t.Name, option.Label) })
				switch {
				case i >= 0:
					w.Colour = colours[i].Slug
				case w.Size != "":
					w.Size += ", " + option.Label.In(l, title.Lang).Words
				default:
					w.Size = option.Label.In(l, title.Lang).Words
				}
			}
			b.Variants = append(b.Variants, w)
		}
	case !v.Stocked:
		b.Supply = ToOrder
	case v.OnHand > 1:
		b.Supply, b.Count = InStock, v.OnHand
	}
	return b, nil
}

// TakeDown takes a product off the market for the union, whatever its artisan
// says, and returns in which state it was. Whoever is paying for a piece of it at
// that moment still gets it; what was sold is not touched. It returns
// ErrNoProduct for what buyers never saw, or is down already. The caller logs it.
func TakeDown(ctx context.Context, tx pgx.Tx, p ProductID) (was State, err error) {
	// In the order in which move locks, so that the two do not wait for each other.
	if _, err := tx.Exec(ctx, `SELECT FROM variants WHERE product_id = $1 ORDER BY id FOR NO KEY UPDATE`, p); err != nil {
		return "", fmt.Errorf("catalog: take down product %d: %w", p, err)
	}
	err = tx.QueryRow(ctx, `
		UPDATE products n
		SET state = 'taken_down'
		FROM products o
		WHERE n.id = $1 AND o.id = n.id AND n.live_id IS NOT NULL AND n.state IN ('on_sale', 'withdrawn')
		RETURNING o.state`, p).Scan(&was)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNoProduct
	}
	if err != nil {
		return "", fmt.Errorf("catalog: take down product %d: %w", p, err)
	}
	return was, Refresh(ctx, tx, []ProductID{p})
}

// Restore gives a product that the union took down the state back that it had.
// It returns ErrNoProduct for one that is not down. The caller logs it.
func Restore(ctx context.Context, tx pgx.Tx, p ProductID, was State) error {
	tag, err := tx.Exec(ctx, `UPDATE products SET state = $2 WHERE id = $1 AND state = 'taken_down'`, p, was)
	if err != nil {
		return fmt.Errorf("catalog: restore product %d: %w", p, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNoProduct
	}
	return Refresh(ctx, tx, []ProductID{p})
}
