// Package embedded runs a PostgreSQL and a Redis for this program alone, as its
// children, so that the market starts from nothing with one command.
//
// Both keep their data in the program's data folder and listen on sockets that
// only their own user can open. Nothing listens on the network, and a PostgreSQL
// or Redis that the machine runs for everyone is neither used nor disturbed.
//
// A data folder belongs to one program at a time. Whatever happened to the last
// one, a kill -9 or a pulled plug, the next Start recovers what was committed.
package embedded

import (
	"errors"
	"log/slog"
)

// ErrInUse is why Start refuses a data folder that another program is using.
// The error around it names that program's process.
var ErrInUse = errors.New("data folder is held by another kissaria")

// Options say where a Stack lives and what it may count on.
type Options struct {
	// DataDir is the program's data folder. PostgreSQL's data goes to its
	// subfolder postgres, Redis's to redis, and what both say to log.
	DataDir string

	// Database is made when it is missing. It is called kissaria when empty.
	Database string

	// PostgresBin is the folder that holds initdb and postgres. When empty, the
	// usual places are searched, for the version that made the data.
	PostgresBin string

	// MaxConnections is how many sessions PostgreSQL serves at once, 100 when
	// zero.
	MaxConnections int

	// Unsynced lets both lose data when the machine stops, and saves the time
	// of waiting for the disk. It is for tests alone.
	Unsynced bool

	// Log hears what Start has to tell. Nothing is logged when it is nil.
	Log *slog.Logger

	// unguarded starts children that are not told when this program dies, so
	// that a test can leave them behind on purpose.
	unguarded bool
}

func (o Options) withDefaults() Options {
	if o.Database == "" {
		o.Database = "kissaria"
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 100
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
