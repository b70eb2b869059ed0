package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/union"
)

// serve runs the market until ctx ends, and then lets what is under way come
// to its end.
func serve(ctx context.Context, c Config, r roles, log *slog.Logger, out io.Writer) (err error) {
	begin := time.Now()
	// The address first: two programs that fight for it should not both start a
	// database.
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("LISTEN: %w", err)
	}
	// The sandbox and LISTEN=127.0.0.1:0 need to know the port that it became.
	c.Listen = listener.Addr().String()
	b, err := openBase(ctx, c, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, b.close()) }()
	a, err := newApp(b, r)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if c.private() {
		if _, err := b.fill(ctx, a.library); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	if _, err := union.Read(ctx, b.pool); errors.Is(err, union.ErrNotFounded) {
		log.Warn("this market has no union yet: kissaria demo fills it with the demonstration")
	}
	if err := a.run(ctx, r, listener, out, begin); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// drainTime is how long a stopping program waits for what is under way.
const drainTime = 15 * time.Second

// run serves on the listener until ctx ends or a part fails.
func (a *app) run(ctx context.Context, r roles, listener net.Listener, out io.Writer, begin time.Time) error {
	server := &http.Server{
		Handler: a.router, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	// Parts run until this context ends; it ends when ctx does, or when one of
	// them fails.
	group, parts := errgroup.WithContext(ctx)
	// Helpers of the parts end after them, not with them.
	helpers, endHelpers := context.WithCancel(context.WithoutCancel(ctx))
	defer endHelpers()
	var helping errgroup.Group

	if a.sandbox != nil {
		helping.Go(func() error { return ignoreClosed(a.api.Serve(a.apiAt)) })
		helping.Go(func() error { return ignoreEnd(a.sandbox.Run(helpers)) })
	}
	if r.work {
		if err := a.jobs.Start(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
		a.log.Info("pictures are encoded", "libwebp", media.WebPNative())
	}
	if r.web && a.config.PageCacheMB > 0 {
		helping.Go(func() error { return ignoreEnd(a.site.Listen(helpers)) })
	}
	if r.web {
		helping.Go(func() error { a.site.Visits.Run(helpers, a.pool, a.log); return nil })
		group.Go(func() error { return ignoreClosed(server.Serve(listener)) })
		if _, err := io.WriteString(out, a.welcome(time.Since(begin))); err != nil {
			return err
		}
	}
	// Starting takes more memory than running does: style sheets are made small,
	// templates are parsed in every language.
	debug.FreeOSMemory()
	private, err := a.privateServer()
	if err != nil {
		return err
	}
	if private != nil {
		group.Go(func() error { return ignoreClosed(private.ListenAndServe()) })
	}
	if a.stack != nil {
		group.Go(func() error {
			select {
			case <-parts.Done():
				return nil
			case err := <-a.stack.Died():
				return err
			}
		})
	}
	if r.work {
		group.Go(func() error { a.tellProgress(parts, out); return nil })
	}
	group.Go(func() error {
		<-parts.Done()
		a.draining.Store(true)
		a.log.Info("stopping", "within", drainTime)
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		errs := []error{server.Shutdown(drain)}
		if private != nil {
			errs = append(errs, private.Shutdown(drain))
		}
		if r.work {
			errs = append(errs, a.jobs.Stop(drain))
		}
		return errors.Join(errs...)
	})
	err = group.Wait()
	endHelpers()
	if a.api != nil {
		err = errors.Join(err, a.api.Close())
	}
	return errors.Join(err, helping.Wait())
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (a *app) welcome(took time.Duration) string {
	s := a.demoSaid()
	if a.config.private() || a.sandbox != nil {
		s += "  the union's staff and its artisans sign in at " + a.config.PublicURL + "/en/sign-in:\n"
		for _, d := range identity.DemoAccounts {
			s += fmt.Sprintf("    %-28s %s\n", d.Name, d.Password)
		}
	}
	return s + fmt.Sprintf("  (started in %.1f s; Ctrl-C stops it)\n\n", took.Seconds())
}

// tellProgress says how far the pictures are, until all are made.
func (a *app) tellProgress(ctx context.Context, out io.Writer) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	said := false
	for {
		ready, waiting, failed, err := media.Progress(ctx, a.pool)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.log.Warn("the pictures' progress is not known", "error", err)
		case waiting == 0:
			if said {
				fmt.Fprintf(out, "  all %d pictures are ready, %d could not be read\n", ready, failed)
			}
			return
		default:
			said = true
			fmt.Fprintf(out, "  pictures: %d of %d ready\n", ready, ready+waiting+failed)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
