//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Stack is a running PostgreSQL and Redis. Close must be called, and after
// everything that uses them.
type Stack struct {
	DatabaseURL string
	RedisURL    string

	options  Options
	log      *slog.Logger
	lock     *os.File
	starter  *starter
	postgres *process
	redis    *process
	died     chan error
	closing  func() error

	borrowing sync.Mutex
	borrowed  []string // folders outside the data folder, for sockets
}

// Start runs a PostgreSQL and a Redis on the data folder, and returns once both
// answer. The first Start on a folder makes the database; a later one brings it
// back. Start waits for what an earlier program left running to end.
//
// Cancelling ctx interrupts Start. It has no effect on what Start returned.
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	o = o.withDefaults()
	if o.DataDir, err = resolve(o.DataDir); err != nil {
		return nil, err
	}

	// First whatever may be refused, so that a refusal leaves no trace.
	pg, err := findPostgres(o.PostgresBin, filepath.Join(o.DataDir, "postgres"))
	if err != nil {
		return nil, err
	}
	redisServer, err := findRedis()
	if err != nil {
		return nil, err
	}
	ids, err := tenants(o.DataDir)
	if err != nil {
		return nil, err
	}
	if err := ids.canReach(o.DataDir); err != nil {
		return nil, err
	}
	if err := roomIn(o.DataDir, pg.needs()); err != nil {
		return nil, err
	}

	if err := makeFolder(o.DataDir); err != nil {
		return nil, err
	}
	lock, err := hold(ctx, o.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Stack{
		options: o,
		log:     o.Log,
		lock:    lock,
		starter: newStarter(),
		died:    make(chan error, 2), // one for each child, so that neither waits to be heard
	}
	s.closing = sync.OnceValue(s.shutDown)

	g, ready := errgroup.WithContext(ctx)
	g.Go(func() error { return s.startPostgres(ready, pg, ids.postgres) })
	g.Go(func() error { return s.startRedis(ready, redisServer, ids.redis) })
	if err := g.Wait(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Died yields an error when PostgreSQL or Redis ends without having been asked
// to. The program cannot go on then, and a new one can put things right.
func (s *Stack) Died() <-chan error { return s.died }

// Close stops Redis and PostgreSQL and gives the data folder back. It may be
// called again, or twice at once: every call returns when all is stopped.
func (s *Stack) Close() error { return s.closing() }

func (s *Stack) shutDown() error {
	var errs []error
	if s.redis != nil {
		errs = append(errs, s.redis.stop(
			step{syscall.SIGTERM, 10 * time.Second},
			step{syscall.SIGKILL, 5 * time.Second}))
	}
	if s.postgres != nil {
		// SIGINT ends sessions and writes everything out; SIGQUIT leaves that
		// to the next start. SIGKILL would spare PostgreSQL's own children,
		// and they would go on holding the data.
		errs = append(errs, s.postgres.stop(
			step{syscall.SIGINT, 30 * time.Second},
			step{syscall.SIGQUIT, 10 * time.Second}))
	}
	for _, folder := range s.borrowed {
		if err := os.Remove(folder); err != nil {
			errs = append(errs, fmt.Errorf("embedded: remove socket folder: %w", err))
		}
	}
	s.starter.close()
	if err := s.lock.Close(); err != nil { // which also unlocks it
		errs = append(errs, fmt.Errorf("embedded: release the data folder: %w", err))
	}
	return errors.Join(errs...)
}
