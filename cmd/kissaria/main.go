// Command kissaria is the market of a craft town's union: the shop, and the
// office behind it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // A lean machine has no zones of its own.

	"kissaria.ma/internal/web"
)

const usage = `Kissaria, the market of a craft town's union.

  kissaria serve [--web] [--work]   serve pages, do jobs, or both when neither is named
  kissaria migrate                  bring the database up to date and end
  kissaria demo [--scale[=N]]       fill an empty market with the demonstration; with --scale also with 100,000 pieces, 10,000
                                    workshops, 300,000 orders and 3,000,000 rows of audit, or N times as many, to measure with
  kissaria account NAME E-MAIL ROLE make a staff account; the password is read from standard input
  kissaria doctor [SEAL]            say what is right and what is not, and what to do; status 1 when anything is wrong.
                                    SEAL is what an earlier one said of the audit

Settings come from the environment:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "kissaria:", err)
		os.Exit(1)
	}
}

// errUsage is returned for words that name nothing.
var errUsage = errors.New("see kissaria -h")

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	for _, a := range args {
		if a == "-h" || a == "--help" || a == "help" {
			if _, err := io.WriteString(out, usage); err != nil {
				return err
			}
			return describe(out)
		}
	}
	if len(args) == 0 {
		args = []string{"serve"}
	}
	config, err := readConfig()
	if err != nil {
		return err
	}
	log := newLog(config, errOut)
	slog.SetDefault(log)
	switch command, rest := args[0], args[1:]; command {
	case "serve":
		var roles roles
		for _, a := range rest {
			switch a {
			case "--web":
				roles.web = true
			case "--work":
				roles.work = true
			default:
				return fmt.Errorf("serve does not know %q: %w", a, errUsage)
			}
		}
		if !roles.web && !roles.work {
			roles.web, roles.work = true, true
		}
		return serve(ctx, config, roles, log, out)
	case "migrate":
		return withBase(ctx, config, log, func(b *base) error {
			_, err := fmt.Fprintf(out, "The database is up to date; %d steps were taken.\n", b.migrated)
			return err
		})
	case "demo":
		times, err := scaleOf(rest)
		if err != nil {
			return err
		}
		return withBase(ctx, config, log, func(b *base) error { return errors.Join(fillDemo(ctx, b, out), enlarge(ctx, b, times, out)) })
	case "account":
		if len(rest) != 3 {
			return fmt.Errorf("account wants a name, an e-mail and a role: %w", errUsage)
		}
		return withBase(ctx, config, log, func(b *base) error { return createAccount(ctx, b, rest[0], rest[1], rest[2], in, out) })
	case "doctor":
		if len(rest) > 1 {
			return fmt.Errorf("doctor wants the audit's seal, or nothing: %w", errUsage)
		}
		return examine(ctx, config, log, strings.Join(rest, ""), out)
	default:
		return fmt.Errorf("there is no %q: %w", command, errUsage)
	}
}

type roles struct{ web, work bool }

func newLog(c Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(web.LogHandler{Handler: slog.NewJSONHandler(w, options)})
	}
	return slog.New(web.LogHandler{Handler: slog.NewTextHandler(w, options)})
}
