//go:build !linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// A Stack cannot be had on this system. Looking after the children of a program
// that may be killed takes what only Linux offers.
type Stack struct {
	DatabaseURL string
	RedisURL    string
}

// Start returns an error that tells what to do instead.
func Start(context.Context, Options) (*Stack, error) {
	return nil, errors.New("embedded: a private PostgreSQL and Redis are run on Linux only: set DATABASE_URL and REDIS_URL")
}

// Running returns what Start does.
func Running(Options) (databaseURL, redisURL string, err error) {
	_, err = Start(context.Background(), Options{})
	return "", "", err
}

// Close has nothing to close.
func (s *Stack) Close() error { return nil }

// Died never yields anything.
func (s *Stack) Died() <-chan error { return nil }

// DataDir returns wanted as an absolute path.
func DataDir(wanted string) (dir string, moved bool, err error) {
	if dir, err = filepath.Abs(wanted); err != nil {
		return "", false, fmt.Errorf("embedded: data folder %q: %w", wanted, err)
	}
	return dir, false, nil
}
