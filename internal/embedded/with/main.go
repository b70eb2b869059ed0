// With runs a command beside a PostgreSQL and a Redis that are there for it
// alone, and gone afterwards:
//
//	go run ./internal/embedded/with -- go test ./...
//
// The command finds their addresses in TEST_DATABASE_URL and TEST_REDIS_URL.
// Tests of all packages share the two, for making a database anew in each would
// take longer than the tests do. Both are fast and forgetful: their data is not
// meant to outlive the command, whose exit status becomes that of With.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"kissaria.ma/internal/embedded"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: with -- command [argument ...]")
		os.Exit(2)
	}
	status, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// run runs the command, and returns its exit status.
func run(args []string) (status int, err error) {
	// From here on signals are answered by stopping in good order.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	dir, err := os.MkdirTemp("", "kissaria-with-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// As root, the two run as users of their own, who must be let through.
	if err := os.Chmod(dir, 0o711); err != nil {
		return 0, err
	}

	stack, err := start(dir, signals)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()

	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(cmd.Environ(),
		"TEST_DATABASE_URL="+stack.DatabaseURL,
		"TEST_REDIS_URL="+stack.RedisURL)
	if err := cmd.Start(); err != nil {
		return 127, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	died := false
	for {
		select {
		case sig := <-signals:
			if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return 1, err
			}
		case err := <-stack.Died():
			// The command fails of it soon enough, and this is why.
			fmt.Fprintln(os.Stderr, "with:", err)
			died = true
		case err := <-ended:
			status, err := exitStatus(err)
			if died {
				status = max(status, 1)
			}
			return status, err
		}
	}
}

// start starts the two in dir, unless a signal comes first.
func start(dir string, signals <-chan os.Signal) (*embedded.Stack, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	started := make(chan struct{})
	defer close(started)
	go func() {
		select {
		case sig := <-signals:
			cancel(errors.New(sig.String()))
		case <-started:
			cancel(nil)
		}
	}()
	return embedded.Start(ctx, embedded.Options{
		DataDir:        dir,
		MaxConnections: 300, // the tests of many packages at once
		Unsynced:       true,
		Log:            slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}

// exitStatus is what a shell would make of a command's end.
func exitStatus(err error) (int, error) {
	failed := (*exec.ExitError)(nil)
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &failed):
		return 1, err
	}
	if status := failed.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return failed.ExitCode(), nil
}
