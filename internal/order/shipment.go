package order

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
)

// A Shipment is all the pieces of an order, from the day the last of them was
// handed in: packed together, then posted, or handed over at the union's shop.
// The buyer's right to withdraw runs from DeliveredAt.
type Shipment struct {
	State       ShipmentState
	BeganAt     time.Time
	Weight      int // grams, weighed; 0 before it is packed
	Carrier     string
	Tracking    string // the parcel's number with its carrier
	TrackingURL string // empty where the carrier has no such page
	PackedAt    *time.Time
	ShippedAt   *time.Time
	DeliveredAt *time.Time
}

// ShipmentState is where a shipment stands.
type ShipmentState string

const (
	Packing   ShipmentState = "packing"
	Packed    ShipmentState = "packed"    // waits for the carrier, or at the shop for its buyer
	Shipped   ShipmentState = "shipped"   // with the carrier
	Delivered ShipmentState = "delivered" // with the buyer
	Returned  ShipmentState = "returned"  // the carrier brought it back
)

// shipmentNexts lists the moves that a shipment can make, by how it reaches its
// buyer. What came back can be sent again.
var shipmentNexts = map[Delivery]map[ShipmentState][]ShipmentState{
	Post:    {Packing: {Packed}, Packed: {Shipped}, Shipped: {Delivered, Returned}, Returned: {Shipped}},
	Collect: {Packing: {Packed}, Packed: {Delivered}},
}

// CanBecome reports whether a shipment that reaches its buyer in that way may
// move from s to next.
func (s ShipmentState) CanBecome(next ShipmentState, by Delivery) bool {
	return slices.Contains(shipmentNexts[by][s], next)
}

// ErrMovedOn is returned for a shipment that is not where it would have to be:
// someone else was faster, or not all pieces are there.
var ErrMovedOn = fault.New(fault.Conflict, "admin.moved_on")

// shipmentColumns are the columns that scanShipment reads, in its order.
const shipmentColumns = `
	s.state, s.began_at, coalesce(s.weight_g, 0), s.carrier, s.tracking, s.tracking_url, s.packed_at, s.shipped_at,
	s.delivered_at`

func scanShipment(row pgx.CollectableRow) (*Shipment, error) {
	var s Shipment
	err := row.Scan(&s.State, &s.BeganAt, &s.Weight, &s.Carrier, &s.Tracking, &s.TrackingURL, &s.PackedAt, &s.ShippedAt,
		&s.DeliveredAt)
	return &s, err
}

// beginPacking makes the shipment of an order whose last piece has just been
// handed in. The order is locked first: of two parts that are handed in at
// once, the second sees the first.
func beginPacking(ctx context.Context, tx pgx.Tx, id ID, at time.Time) error {
	if _, err := tx.Exec(ctx, `SELECT FROM orders WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return fmt.Errorf("order: begin packing: %w", err)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO shipments (order_id, began_at)
		SELECT $1, $2
		WHERE NOT EXISTS (SELECT FROM fulfilments WHERE order_id = $1 AND state NOT IN ('handed_in', 'cancelled'))`, id, at)
	if err != nil {
		return fmt.Errorf("order: begin packing: %w", err)
	}
	return nil
}

// ByNumberForUpdate returns the order of a number, locked until tx ends.
func ByNumberForUpdate(ctx context.Context, tx pgx.Tx, number string) (Order, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM orders WHERE number = $1 FOR NO KEY UPDATE`, number); err != nil {
		return Order{}, fmt.Errorf("order: lock %s: %w", number, err)
	}
	return ByNumber(ctx, tx, number)
}

// MaxWeight bounds what a parcel may weigh, in grams.
const MaxWeight = 200_000

// Pack packs an order's pieces, each of which is ticked by its SKU, and notes
// what they weigh together, in grams. It returns an Invalid fault where a tick
// or the weight is missing, and ErrMovedOn where there is nothing to pack.
// o is locked by the caller.
func Pack(ctx context.Context, tx pgx.Tx, o Order, ticked []string, grams int, by identity.AccountID, at time.Time) error {
	var form fault.Form
	for _, l := range o.Lines {
		if l.Left() > 0 && !slices.Contains(ticked, l.SKU) {
			form.Wrong("piece", "admin.packing.not_ticked")
		}
	}
	if grams < 1 || grams > MaxWeight {
		form.Wrong("weight", "admin.packing.weight_wrong")
	}
	if err := form.Err(); err != nil {
		return err
	}
	return moveShipment(ctx, tx, o, Packed, by, map[string]any{"weight_g": grams}, `weight_g = $3, packed_at = $4`, grams, at)
}

// A Parcel is what a carrier took, as they call it.
type Parcel struct {
	Carrier     string
	Tracking    string
	TrackingURL string
}

var trackingNumber = regexp.MustCompile(`^[A-Z0-9]{6,40}$`)

// TrackingNumber brings a parcel's number to the form that carriers print it
// in, and reports whether it can be one.
func TrackingNumber(s string) (string, bool) {
	s = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(s))
	return s, trackingNumber.MatchString(s)
}

// Ship notes that a carrier took a packed shipment, or took it again after it
// came back. It returns ErrMovedOn for one that is not packed. o is locked by
// the caller.
func Ship(ctx context.Context, tx pgx.Tx, o Order, p Parcel, by identity.AccountID, at time.Time) error {
	return moveShipment(ctx, tx, o, Shipped, by, map[string]any{"carrier": p.Carrier, "tracking": p.Tracking},
		`carrier = $3, tracking = $4, tracking_url = $5, shipped_at = $6`, p.Carrier, p.Tracking, p.TrackingURL, at)
}

// Deliver notes that the buyer has the pieces: the carrier brought them, or
// they were handed over at the shop. The order is completed. It returns
// ErrMovedOn for a shipment that has not come so far. o is locked by the caller.
func Deliver(ctx context.Context, tx pgx.Tx, o Order, by identity.AccountID, at time.Time) error {
	if err := moveShipment(ctx, tx, o, Delivered, by, nil, `delivered_at = $3`, at); err != nil {
		return err
	}
	return Move(ctx, tx, o.ID, Completed, at, Paid)
}

// Return notes that the carrier brought a parcel back. It returns ErrMovedOn
// for one that no carrier has. o is locked by the caller.
func Return(ctx context.Context, tx pgx.Tx, o Order, by identity.AccountID) error {
	return moveShipment(ctx, tx, o, Returned, by, nil, `order_id = order_id`)
}

// moveShipment brings an order's shipment to another state, writes it to the
// order's history and to the audit, and returns ErrMovedOn where it cannot go
// there. set takes its arguments from $3 on.
func moveShipment(ctx context.Context, tx pgx.Tx, o Order, to ShipmentState, by identity.AccountID, details map[string]any, set string, args ...any) error {
	ready := o.State == Paid || o.State == Confirmed && to == Packed // Before cash is taken nothing leaves the shop.
	if !ready || o.Shipment == nil || !o.Shipment.State.CanBecome(to, o.Delivery) {
		return ErrMovedOn
	}
	_, err := tx.Exec(ctx, `UPDATE shipments SET state = $2, `+set+` WHERE order_id = $1`, append([]any{o.ID, to}, args...)...)
	if err != nil {
		return fmt.Errorf("order: shipment of %s to %s: %w", o.Number, to, err)
	}
	kind := string(to)
	if to == Delivered && o.Delivery == Collect {
		kind = "collected"
	}
	if err := Note(ctx, tx, o.ID, kind, by, details); err != nil {
		return err
	}
	after := map[string]any{"state": to}
	for k, v := range details {
		after[k] = v
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "shipment." + kind, Subject: "order:" + o.Number,
		Before: map[string]any{"state": o.Shipment.State}, After: after})
}
