package order

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
)

// mostWords bounds a note or a message, in characters.
const mostWords = 1000

var (
	// ErrNoWords is returned for a note or a message that says nothing.
	ErrNoWords = fault.New(fault.Invalid, "admin.words_missing")
	// ErrManyWords is returned for one that nobody reads.
	ErrManyWords = fault.New(fault.Invalid, "checkout.too_long")
	// ErrOnItsWay is returned for the address of a parcel that is packed.
	ErrOnItsWay = fault.New(fault.Conflict, "admin.address_too_late")
)

// Words brings a note or a message in order, or returns ErrNoWords or
// ErrManyWords.
func Words(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", ErrNoWords
	case len([]rune(s)) > mostWords:
		return "", ErrManyWords
	}
	return s, nil
}

// Remark keeps a note for colleagues in an order's history; the buyer does not
// see it. It returns ErrNoWords or ErrManyWords.
func Remark(ctx context.Context, tx pgx.Tx, o Order, words string, by identity.AccountID) error {
	words, err := Words(words)
	if err != nil {
		return err
	}
	return Note(ctx, tx, o.ID, "note", by, map[string]any{"words": words})
}

// Readdress gives a parcel another address in the same country, before it is
// packed; the postage stays what was paid. It returns faults beside the fields
// line1, city and the others that are too long, and ErrOnItsWay. o is locked by
// the caller.
func Readdress(ctx context.Context, tx pgx.Tx, o Order, a Address, by identity.AccountID) error {
	if o.Delivery != Post || o.State != Paid || o.Shipment != nil && o.Shipment.State != Packing {
		return ErrOnItsWay
	}
	var f fault.Form
	for field, v := range map[string]string{"line1": a.Line1, "city": a.City} {
		if v == "" {
			f.Wrong(field, "checkout.missing."+field)
		}
	}
	for field, v := range map[string]string{"line1": a.Line1, "landmark": a.Landmark, "city": a.City, "region": a.Region, "postcode": a.Postcode} {
		if len([]rune(v)) > 200 {
			f.Wrong(field, "checkout.too_long")
		}
	}
	if err := f.Err(); err != nil {
		return err
	}
	a.Country = o.Address.Country
	if a == o.Address {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE orders SET address = $2 WHERE id = $1`, o.ID, a); err != nil {
		return fmt.Errorf("order: readdress: %w", err)
	}
	if err := Note(ctx, tx, o.ID, "readdressed", by, nil); err != nil {
		return err
	}
	// What it was and is stays out of the audit: an address is personal.
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "order.readdressed", Subject: "order:" + o.Number})
}
