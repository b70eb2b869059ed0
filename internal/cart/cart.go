// Package cart keeps what visitors have put aside, in Redis. A cart knows
// SKUs and how many of each; prices and names always come from the catalog.
package cart

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"kissaria.ma/internal/fault"
)

// Lifetime is how long a cart is kept after its last change.
const Lifetime = 30 * 24 * time.Hour

// MostLines is how many different pieces a cart may hold.
const MostLines = 40

// maxText is how long a text for the maker may be, in bytes.
const maxText = 400

// A Cart is what a visitor has put aside. Its ID is a secret in the visitor's
// cookie; Redis and the orders know it by Key alone, from which it cannot be
// found. Revision changes with every change and never comes again.
type Cart struct {
	ID       string `json:"-"`
	Revision string `json:"revision"`
	Lines    []Line `json:"lines"`
}

// A Line is so many of one variant.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Text     string `json:"text,omitempty"` // what the maker asked the buyer for
}

// Count returns how many pieces are in the cart.
func (c Cart) Count() (n int) {
	for _, l := range c.Lines {
		n += l.Quantity
	}
	return n
}

// SKUs returns what is in the cart, in the order it was put there.
func (c Cart) SKUs() []string {
	skus := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		skus[i] = l.SKU
	}
	return skus
}

// Put sets how many of a variant are in the cart; none takes it out.
func (c *Cart) Put(sku string, quantity int, text string) error {
	if len(text) > maxText {
		return ErrLongText
	}
	i := slices.IndexFunc(c.Lines, func(l Line) bool { return l.SKU == sku })
	switch {
	case quantity <= 0 && i >= 0:
		c.Lines = slices.Delete(c.Lines, i, i+1)
	case quantity <= 0:
	case i >= 0:
		c.Lines[i].Quantity = quantity
		if text != "" {
			c.Lines[i].Text = text
		}
	case len(c.Lines) == MostLines:
		return ErrFull
	default:
		c.Lines = append(c.Lines, Line{sku, quantity, text})
	}
	return nil
}

// Of returns how many of a variant are in the cart.
func (c Cart) Of(sku string) int {
	for _, l := range c.Lines {
		if l.SKU == sku {
			return l.Quantity
		}
	}
	return 0
}

var (
	// ErrAway is returned while Redis does not answer.
	ErrAway = fault.New(fault.Busy, "cart.away")
	// ErrFull is returned for one line too many.
	ErrFull = fault.New(fault.Invalid, "cart.full")
	// ErrLongText is returned for a text that no maker asked for.
	ErrLongText = fault.New(fault.Invalid, "cart.long_text")
)

// Key returns the hash by which Redis and the orders know a cart.
func Key(id string) [32]byte { return sha256.Sum256([]byte("cart " + id)) }

func redisKey(key [32]byte) string { return "cart:{" + hex.EncodeToString(key[:16]) + "}" }

// IsID reports whether s could be the id of a cart.
func IsID(s string) bool {
	return len(s) == 26 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// A Store keeps carts.
type Store struct{ Redis redis.UniversalClient }

// Read returns a cart. One that is forged, expired or never was is empty and
// has no ID.
func (s *Store) Read(ctx context.Context, id string) (Cart, error) {
	if !IsID(id) {
		return Cart{}, nil
	}
	c, err := read(ctx, s.Redis, Key(id))
	if err != nil || len(c.Revision) == 0 {
		return Cart{}, err
	}
	c.ID = id
	return c, nil
}

func read(ctx context.Context, r redis.Cmdable, key [32]byte) (Cart, error) {
	var c Cart
	b, err := r.Get(ctx, redisKey(key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return c, nil
	}
	if err != nil {
		return c, away("read", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return Cart{}, fmt.Errorf("cart: read: %w", err)
	}
	return c, nil
}

// Change reads a cart, lets fn change it and keeps the result for another
// Lifetime. A cart that is not there begins anew, under an ID of its own: an
// id is never taken from a visitor.
func (s *Store) Change(ctx context.Context, id string, fn func(*Cart) error) (Cart, error) {
	c, err := s.Read(ctx, id)
	if err != nil {
		return c, err
	}
	if c.ID == "" {
		c.ID = strings.ToLower(rand.Text())
	}
	changed, err := s.change(ctx, Key(c.ID), fn)
	changed.ID = c.ID
	return changed, err
}

// Take takes variants out of the cart known by that key, if it is still there.
func (s *Store) Take(ctx context.Context, key [32]byte, skus []string) error {
	_, err := s.change(ctx, key, func(c *Cart) error {
		c.Lines = slices.DeleteFunc(c.Lines, func(l Line) bool { return slices.Contains(skus, l.SKU) })
		return nil
	})
	return err
}

func (s *Store) change(ctx context.Context, key [32]byte, fn func(*Cart) error) (Cart, error) {
	var c Cart
	attempt := func(tx *redis.Tx) (err error) {
		if c, err = read(ctx, tx, key); err != nil {
			return err
		}
		if err := fn(&c); err != nil {
			return err
		}
		c.Revision = rand.Text()
		b, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("cart: write: %w", err)
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			if len(c.Lines) == 0 {
				return p.Del(ctx, redisKey(key)).Err()
			}
			return p.Set(ctx, redisKey(key), b, Lifetime).Err()
		})
		return err
	}
	for range 20 {
		err := s.Redis.Watch(ctx, attempt, redisKey(key))
		switch f := (*fault.Fault)(nil); {
		case err == nil:
			return c, nil
		case errors.Is(err, redis.TxFailedErr):
			continue // Another tab was first.
		case errors.As(err, &f):
			return c, err
		default:
			return c, away("change", err)
		}
	}
	return c, fmt.Errorf("cart: changed by others all the time: %w", ErrAway)
}

// away keeps the cause for the log and gives the visitor kind words.
func away(doing string, err error) error { return fmt.Errorf("cart: %s: %w: %w", doing, err, ErrAway) }
