package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// What is kept. A finished session goes with everything that came of it.
const (
	keepFor     = 30 * 24 * time.Hour
	maxFinished = 2000
	maxOpen     = 20_000 // more are refused, as Stripe refuses haste
	maxKeys     = 10_000
)

// A book is everything that the sandbox knows.
type book struct {
	Serial    int64                `json:"serial"` // the last purchase's
	Purchases map[string]*purchase `json:"purchases"`
	Events    []*event             `json:"events"` // oldest first
	Keys      map[string]*answer   `json:"keys"`

	// owners finds the purchase that an intent, a charge or a refund is part
	// of. It can be told from the rest, and is not saved.
	owners map[string]*purchase
}

func newBook() *book {
	return &book{Purchases: map[string]*purchase{}, Keys: map[string]*answer{}, owners: map[string]*purchase{}}
}

// own notes that the objects called ids are part of p.
func (b *book) own(p *purchase, ids ...string) {
	for _, id := range ids {
		b.owners[id] = p
	}
}

// newestFirst returns the purchases in the order of Stripe's lists.
func (b *book) newestFirst() []*purchase {
	all := make([]*purchase, 0, len(b.Purchases))
	for _, p := range b.Purchases {
		all = append(all, p)
	}
	slices.SortFunc(all, func(p, q *purchase) int { return cmp.Compare(q.Serial, p.Serial) })
	return all
}

// prune drops what is too old or too much. It keeps every session that can
// still be paid, and every session with an event that is still to be delivered.
func (b *book) prune(now time.Time) {
	for key, a := range b.Keys {
		if a.stale(now) {
			delete(b.Keys, key)
		}
	}
	if over := len(b.Keys) - maxKeys; over > 0 {
		keys := make([]string, 0, len(b.Keys))
		for key := range b.Keys {
			keys = append(keys, key)
		}
		slices.SortFunc(keys, func(k, l string) int { return cmp.Compare(b.Keys[k].Created, b.Keys[l].Created) })
		for _, key := range keys[:over] {
			delete(b.Keys, key)
		}
	}

	busy := map[string]bool{}
	for _, e := range b.Events {
		if e.State == waiting {
			busy[e.Purchase] = true
		}
	}
	finished := 0
	for _, p := range b.newestFirst() {
		if p.Status == Open {
			continue
		}
		finished++
		old := now.Sub(time.Unix(p.Finished, 0)) > keepFor
		if (old || finished > maxFinished) && !busy[p.ID] {
			delete(b.Purchases, p.ID)
			for _, id := range p.parts() {
				delete(b.owners, id)
			}
		}
	}
	b.Events = slices.DeleteFunc(b.Events, func(e *event) bool { return b.Purchases[e.Purchase] == nil })
}

// touch notes that the book has changed and must be saved. It is called with
// s.mu held.
func (s *Server) touch() { s.version++ }

// commit returns once Config.File holds every change made before it was
// called. Changes that wait for the disk together are written together.
func (s *Server) commit() error {
	if s.cfg.File == "" {
		return nil
	}
	s.saving.Lock()
	defer s.saving.Unlock()

	s.mu.Lock()
	version := s.version
	if version == s.saved {
		s.mu.Unlock()
		return nil
	}
	data, err := json.Marshal(s.book)
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("sandbox: save %s: %w", s.cfg.File, err)
	}
	if err := writeFile(s.cfg.File, data); err != nil {
		return fmt.Errorf("sandbox: save: %w", err)
	}
	s.saved = version
	return nil
}

// writeFile replaces the file in one step: whatever happens meanwhile, it
// holds either the old bytes or the new ones. Only its owner may read it, for
// it has the buyers' e-mail addresses.
func writeFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	// The new name has to reach the disk as well.
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// load reads the book that name holds, an empty one if there is no such file.
func load(name string) (*book, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return newBook(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: load: %w", err)
	}
	b := newBook()
	if err := json.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("sandbox: load %s: %w", name, err)
	}
	for _, p := range b.Purchases {
		b.own(p, p.parts()...)
	}
	return b, nil
}
