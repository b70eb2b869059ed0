package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"kissaria.ma/assets"
	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/membership"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/payment/sandbox"
	"kissaria.ma/internal/postgres"
	marketdata "kissaria.ma/internal/settings"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/view"
	"kissaria.ma/internal/visit"
	"kissaria.ma/internal/web"
	"kissaria.ma/internal/web/account"
	"kissaria.ma/internal/web/admin"
	"kissaria.ma/internal/web/shop"
	"kissaria.ma/internal/web/studio"
	"kissaria.ma/templates"
)

// An app is the program, wired: pages, jobs, payments.
type app struct {
	*base
	jobs     *postgres.Jobs
	library  *media.Library
	desk     *checkout.Desk
	site     *web.Site
	shop     *shop.Handlers
	router   *gin.Engine
	sandbox  *sandbox.Server // nil where real money is taken
	api      *http.Server    // the sandbox's, on a private loopback port
	apiAt    net.Listener
	draining atomic.Bool
}

// newApp wires the rooms on a base. Nothing runs yet.
func newApp(b *base, r roles) (a *app, err error) {
	a = &app{base: b}
	built, err := web.BuildAssets(assets.Files)
	if err != nil {
		return nil, err
	}
	iconFiles, err := iconsOf(assets.Files)
	if err != nil {
		return nil, err
	}
	zone, err := location("Africa/Casablanca")
	if err != nil {
		return nil, err
	}
	if p, err := union.Read(context.Background(), b.pool); err == nil {
		zone = p.Location
	} else if !errors.Is(err, union.ErrNotFounded) {
		return nil, err
	}
	views, err := view.Load(view.Config{Templates: templates.Files, Icons: iconFiles, Asset: built.Path, Location: zone})
	if err != nil {
		return nil, err
	}
	provider, err := a.openProvider()
	if err != nil {
		return nil, err
	}
	a.library = &media.Library{Pool: b.pool, Store: b.store, Log: b.log, InUse: inUse, VoicesInUse: voicesInUse}
	post := &mail.Office{Pool: b.pool, Views: views, From: b.config.MailFrom}
	if b.config.SMTPURL != "" {
		if post.Transport, err = mail.NewSMTP(b.config.SMTPURL); err != nil {
			return nil, err
		}
	} else {
		post.Transport = mail.Folder{Dir: filepath.Join(b.config.DataDir, "mail")}
	}
	carts := &cart.Store{Redis: b.redis}
	a.desk = &checkout.Desk{Pool: b.pool, Provider: provider, Name: "stripe", Carts: carts, Post: post,
		PublicURL: b.config.PublicURL, Now: time.Now, Log: b.log}
	if a.jobs, err = a.openJobs(r, post); err != nil {
		return nil, err
	}
	a.library.Jobs, post.Jobs, a.desk.Jobs = a.jobs, a.jobs, a.jobs

	passkeys, err := identity.NewPasskeys(b.config.PublicURL)
	if err != nil {
		return nil, err
	}
	factors, err := identity.NewFactors(b.config.SecretKey)
	if err != nil {
		return nil, err
	}
	a.site = &web.Site{
		Passkeys: passkeys, Factors: factors, FactorRequired: b.config.SecondFactor == "required",
		Pool: b.pool, Views: views, Assets: built, Sessions: &web.Sessions{Redis: b.redis, Prefix: b.config.RedisPrefix, Secure: b.config.secure()},
		Limits: &web.Limiter{Redis: b.redis, Prefix: b.config.RedisPrefix}, PublicURL: b.config.PublicURL, Demo: a.sandbox != nil,
		Pages: web.NewPageCache(b.config.PageCacheMB << 20), Visits: &visit.Counter{Zone: zone},
		Proxies: b.config.Proxies, Now: time.Now, Log: b.log, Production: b.config.secure(), Ready: a.ready,
	}
	if a.sandbox == nil {
		a.site.FormHosts = []string{"https://checkout.stripe.com"}
	}
	a.shop = &shop.Handlers{Site: a.site, Pool: b.pool, Media: a.library, Carts: carts, Desk: a.desk, Stripe: provider, Sandbox: a.sandbox}
	if a.router, err = a.site.Router(); err != nil {
		return nil, err
	}
	a.site.AddRoutes(a.router)
	a.shop.AddRoutes(a.router)
	if err := (&studio.Handlers{Site: a.site, Pool: b.pool, Media: a.library}).AddRoutes(a.router); err != nil {
		return nil, err
	}
	(&account.Handlers{Site: a.site, Pool: b.pool}).AddRoutes(a.router)
	(&admin.Handlers{Site: a.site, Pool: b.pool, Desk: a.desk, Media: a.library}).AddRoutes(a.router)
	return a, nil
}

// openProvider returns Stripe, or Stripe's own client in front of the sandbox
// where there are no keys.
func (a *app) openProvider() (*payment.Stripe, error) {
	c := a.config
	if c.StripeKey != "" {
		return payment.NewStripe(payment.StripeConfig{SecretKey: c.StripeKey, WebhookSecret: c.StripeWebhook, Log: a.log}), nil
	}
	key, secret := "sk_test_"+rand.Text(), "whsec_"+rand.Text()
	var err error
	if a.apiAt, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	a.sandbox, err = sandbox.New(sandbox.Config{
		SecretKey: key, WebhookSecret: secret, WebhookURL: "http://" + loopback(c.Listen) + "/webhooks/stripe",
		PayURL: c.PublicURL + "/sandbox/pay", File: filepath.Join(c.DataDir, "sandbox.json"), Log: a.log,
	})
	if err != nil {
		return nil, errors.Join(err, a.apiAt.Close())
	}
	a.api = &http.Server{Handler: a.sandbox.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second}
	return payment.NewStripe(payment.StripeConfig{SecretKey: key, WebhookSecret: secret, URL: "http://" + a.apiAt.Addr().String(), Log: a.log}), nil
}

// loopback is where a program that listens on an address reaches itself.
func loopback(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// inUse tells the library which pictures are shown.
var inUse = []string{union.PicturesInUse, catalog.PicturesInUse, order.PicturesInUse, media.PicturesArriving}

// voicesInUse tells it which voice notes stand for words.
var voicesInUse = []string{catalog.VoicesInUse}

// openJobs makes the queue: one that works, or one that only takes jobs in.
func (a *app) openJobs(r roles, post *mail.Office) (*postgres.Jobs, error) {
	if !r.work {
		return a.insertOnly()
	}
	workers := river.NewWorkers()
	a.library.AddWorkers(workers)
	a.desk.AddWorkers(workers)
	post.AddWorkers(workers)
	marketdata.AddWorkers(workers, a.pool)
	membership.AddWorkers(workers, a.pool, time.Now)
	mark.AddWorkers(workers, a.pool, time.Now)
	jobs, err := river.NewClient(riverpgxv5.New(a.pool), &river.Config{
		Logger:  a.queueLog(),
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: 8},
			media.RenderQueue:  {MaxWorkers: media.RenderWorkers},
		},
		JobTimeout:        time.Minute,
		FetchPollInterval: time.Second,
		PeriodicJobs: []*river.PeriodicJob{
			river.NewPeriodicJob(river.PeriodicInterval(time.Minute), func() (river.JobArgs, *river.InsertOpts) {
				return checkout.ReconcileArgs{}, nil
			}, &river.PeriodicJobOpts{RunOnStart: true}),
			river.NewPeriodicJob(river.PeriodicInterval(time.Minute), func() (river.JobArgs, *river.InsertOpts) {
				return checkout.SignsArgs{}, nil
			}, &river.PeriodicJobOpts{RunOnStart: true}),
			river.NewPeriodicJob(river.PeriodicInterval(20*time.Second), func() (river.JobArgs, *river.InsertOpts) {
				return marketdata.RefreshArgs{}, nil
			}, &river.PeriodicJobOpts{RunOnStart: true}),
			river.NewPeriodicJob(river.PeriodicInterval(mark.LapseEvery), func() (river.JobArgs, *river.InsertOpts) {
				return mark.LapseArgs{}, nil
			}, &river.PeriodicJobOpts{RunOnStart: true}),
			river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
				return membership.EraseArgs{}, nil
			}, nil),
			river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
				return checkout.FoldArgs{}, nil
			}, &river.PeriodicJobOpts{RunOnStart: true}),
			river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
				return media.SweepArgs{}, nil
			}, nil),
			river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
				return media.LookArgs{}, nil
			}, &river.PeriodicJobOpts{RunOnStart: true}),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return jobs, nil
}

// ready tells whether visitors can be sent here: everything answers, the
// market has a union, and the front page has its pictures.
func (a *app) ready(ctx context.Context) error {
	if a.draining.Load() {
		return errors.New("stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := a.pool.Ping(ctx); err != nil {
		return errors.New("database away")
	}
	if err := a.redis.Ping(ctx).Err(); err != nil {
		return errors.New("redis away")
	}
	waiting, err := a.shop.FrontPageWaits(ctx)
	if errors.Is(err, union.ErrNotFounded) {
		return errors.New("no union yet")
	}
	if err != nil {
		a.log.WarnContext(ctx, "readiness is not known", "error", err)
		return errors.New("front page away")
	}
	if waiting > 0 {
		return fmt.Errorf("%d pictures of the front page are being made", waiting)
	}
	return nil
}

// demoSaid tells a demonstration's visitor where to begin.
func (a *app) demoSaid() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nKissaria is open at %s\n", a.config.PublicURL)
	if a.sandbox != nil {
		b.WriteString("  payments are a demonstration: pay with 4242 4242 4242 4242, any later month, any code\n")
		fmt.Fprintf(&b, "  mails it writes: %s/sandbox/mail\n", a.config.PublicURL)
	}
	return b.String()
}
