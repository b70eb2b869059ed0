package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/caarlos0/env/v11"
)

// Config is all that the program is told. It comes from the environment and
// from nowhere else, and only this file reads it.
type Config struct {
	Listen        string   `env:"LISTEN" envDefault:"127.0.0.1:8080" help:"address and port of the market"`
	PublicURL     string   `env:"PUBLIC_URL" help:"the market's own address, in mails and for coming back from a payment (default http://localhost and the port)"`
	PrivateListen string   `env:"PRIVATE_LISTEN" help:"address and port of /metrics and /debug/pprof; none when empty"`
	DataDir       string   `env:"DATA_DIR" envDefault:"var" help:"folder of the private PostgreSQL and Redis, of pictures and of mails"`
	DemoDir       string   `env:"DEMO_DIR" envDefault:"assets/demo" help:"the demo market's data and pictures"`
	SecretKey     string   `env:"SECRET_KEY" help:"encrypts bank details; made in the data folder when PostgreSQL is private, demanded otherwise"`
	DatabaseURL   string   `env:"DATABASE_URL" help:"PostgreSQL; a private one is started when empty"`
	DatabaseConns int32    `env:"DATABASE_CONNECTIONS" envDefault:"20" help:"connections that one program opens at most, besides the one on which it hears of changes"`
	PageCacheMB   int      `env:"PAGE_CACHE_MB" envDefault:"32" help:"memory for public pages that are kept, in megabytes; none are when 0"`
	RedisURL      string   `env:"REDIS_URL" help:"Redis, redis:// or unix://, several separated by commas for a cluster; a private one is started when empty"`
	RedisPrefix   string   `env:"REDIS_PREFIX" help:"put before the names of sign-ins and rate limits, to keep apart several markets on one Redis"`
	MediaURL      string   `env:"MEDIA_URL" help:"where pictures are kept: a folder, or s3://bucket/prefix?endpoint=…&region=… (default media in the data folder)"`
	S3AccessKey   string   `env:"S3_ACCESS_KEY" help:"access key of s3://"`
	S3SecretKey   string   `env:"S3_SECRET_KEY" help:"secret key of s3://"`
	SMTPURL       string   `env:"SMTP_URL" help:"smtp://user:password@host:587 or smtps://…; mails go to files in the data folder when empty"`
	MailFrom      string   `env:"MAIL_FROM" envDefault:"kissaria@localhost.localdomain" help:"sender of mails"`
	StripeKey     string   `env:"STRIPE_SECRET_KEY" help:"Stripe's secret key; payments go to the sandbox, and cost nothing, when empty"`
	StripeWebhook string   `env:"STRIPE_WEBHOOK_SECRET" help:"secret of Stripe's webhook at /webhooks/stripe"`
	Proxies       []string `env:"TRUSTED_PROXIES" help:"networks of load balancers whose forwarded address is believed, such as 10.0.0.0/8"`
	SecondFactor  string   `env:"STAFF_SECOND_FACTOR" help:"required or offered: whether the union's staff must sign in with a second step (default required, offered where PostgreSQL is private)"`
	LogFormat     string   `env:"LOG_FORMAT" envDefault:"text" help:"text or json"`
	LogLevel      string   `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`
}

// readConfig reads and checks the settings. The error tells all problems at
// once.
func readConfig() (Config, error) {
	c, err := env.ParseAs[Config]()
	if err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	return c, c.check()
}

func (c *Config) check() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		wrong("LISTEN is not an address and port: %q", c.Listen)
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://localhost:" + port
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		wrong("PUBLIC_URL is not like https://market.example: %q", c.PublicURL)
	}
	if c.PrivateListen != "" {
		if _, _, err := net.SplitHostPort(c.PrivateListen); err != nil {
			wrong("PRIVATE_LISTEN is not an address and port: %q", c.PrivateListen)
		}
	}
	if (c.DatabaseURL == "") != (c.RedisURL == "") {
		wrong("DATABASE_URL and REDIS_URL go together: set both, or neither for private ones")
	}
	if c.DatabaseURL != "" && c.SecretKey == "" {
		wrong("SECRET_KEY is needed with DATABASE_URL: bank details are encrypted with it")
	}
	if c.SecretKey != "" && len(c.SecretKey) < 16 {
		wrong("SECRET_KEY is shorter than 16 characters")
	}
	if (c.StripeKey == "") != (c.StripeWebhook == "") {
		wrong("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET go together")
	}
	if c.DatabaseConns < 4 {
		wrong("DATABASE_CONNECTIONS is below 4")
	}
	if c.PageCacheMB < 0 || c.PageCacheMB > 100_000 {
		wrong("PAGE_CACHE_MB is not between 0 and 100000: %d", c.PageCacheMB)
	}
	if c.SecondFactor == "" {
		c.SecondFactor = "required"
		if c.private() { // The demonstration's accounts have passwords that everyone knows.
			c.SecondFactor = "offered"
		}
	}
	if c.SecondFactor != "required" && c.SecondFactor != "offered" {
		wrong("STAFF_SECOND_FACTOR is neither required nor offered: %q", c.SecondFactor)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		wrong("LOG_FORMAT is neither text nor json: %q", c.LogFormat)
	}
	return errors.Join(problems...)
}

// private reports whether the program runs its own PostgreSQL and Redis.
func (c Config) private() bool { return c.DatabaseURL == "" }

// secure reports whether visitors come over https.
func (c Config) secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// describe lists every setting with its default.
func describe(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		f := t.Field(i)
		fallback := f.Tag.Get("envDefault")
		if fallback != "" {
			fallback = " (" + fallback + ")"
		}
		if _, err := fmt.Fprintf(tw, "  %s\t%s%s\n", f.Tag.Get("env"), f.Tag.Get("help"), fallback); err != nil {
			return err
		}
	}
	return tw.Flush()
}
