package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"kissaria.ma/internal/demo"
	"kissaria.ma/internal/demo/scale"
	"kissaria.ma/internal/embedded"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/migrations"
)

// A base is what every command stands on: the database, Redis and the pictures.
type base struct {
	config   Config
	log      *slog.Logger
	stack    *embedded.Stack // nil where PostgreSQL and Redis are somebody else's
	pool     *pgxpool.Pool
	redis    redis.UniversalClient
	store    media.Store
	migrated int
}

// openBase starts or reaches the database and Redis, and migrates.
func openBase(ctx context.Context, c Config, log *slog.Logger) (b *base, err error) {
	b = &base{config: c, log: log}
	begun := b
	defer func() {
		if err != nil {
			b, err = nil, errors.Join(err, begun.close())
		}
	}()
	if c.private() {
		dir, moved, err := embedded.DataDir(c.DataDir)
		if err != nil {
			return nil, err
		}
		if moved {
			log.Warn("the data folder cannot be reached by an unprivileged PostgreSQL and was moved", "wanted", c.DataDir, "instead", dir)
		}
		b.config.DataDir = dir
		if b.stack, err = embedded.Start(ctx, embedded.Options{DataDir: dir, Log: log}); err != nil {
			return nil, err
		}
		b.config.DatabaseURL, b.config.RedisURL = b.stack.DatabaseURL, b.stack.RedisURL
		if b.config.SecretKey == "" {
			if b.config.SecretKey, err = secretIn(dir); err != nil {
				return nil, err
			}
		}
	}
	if b.pool, err = postgres.Open(ctx, b.config.DatabaseURL, c.DatabaseConns); err != nil {
		return nil, err
	}
	if b.migrated, err = postgres.Migrate(ctx, b.pool, migrations.Files); err != nil {
		return nil, err
	}
	if b.redis, err = openRedis(b.config.RedisURL); err != nil {
		return nil, err
	}
	b.store, err = openStore(b.config)
	return b, err
}

// close ends what openBase began, in the opposite order.
func (b *base) close() error {
	var errs []error
	if b.redis != nil {
		errs = append(errs, b.redis.Close())
	}
	if b.pool != nil {
		b.pool.Close()
	}
	if b.stack != nil {
		errs = append(errs, b.stack.Close())
	}
	return errors.Join(errs...)
}

// withBase runs one command on a base and closes it.
func withBase(ctx context.Context, c Config, log *slog.Logger, do func(*base) error) error {
	b, err := openBase(ctx, c, log)
	if err != nil {
		return err
	}
	return errors.Join(do(b), b.close())
}

// secretIn returns the secret key kept in a data folder, made when it is not
// there yet.
func secretIn(dir string) (string, error) {
	path := filepath.Join(dir, "secret.key")
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("secret key: %w", err)
	}
	key := rand.Text() + rand.Text()
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("secret key: %w", err)
	}
	return key, nil
}

// openRedis makes a client for one Redis, or for a cluster where several are
// named. It connects when it is first used.
func openRedis(address string) (redis.UniversalClient, error) {
	first, rest, several := strings.Cut(address, ",")
	o, err := redis.ParseURL(first)
	if err != nil {
		return nil, errors.New("REDIS_URL cannot be read") // It may hold a password.
	}
	u := &redis.UniversalOptions{
		Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
		DialTimeout: 2 * time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second, PoolSize: 30, PoolTimeout: 2 * time.Second,
		MaxRetries: 2, ContextTimeoutEnabled: true,
	}
	if o.Network == "unix" {
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolSize, o.ContextTimeoutEnabled = u.DialTimeout, u.ReadTimeout, u.WriteTimeout, u.PoolSize, true
		return redis.NewClient(o), nil
	}
	if several {
		for more := range strings.SplitSeq(rest, ",") {
			p, err := redis.ParseURL(more)
			if err != nil {
				return nil, errors.New("REDIS_URL cannot be read")
			}
			u.Addrs = append(u.Addrs, p.Addr)
		}
	}
	return redis.NewUniversalClient(u), nil
}

func openStore(c Config) (media.Store, error) {
	if strings.HasPrefix(c.MediaURL, "s3://") {
		return media.NewS3(c.MediaURL, c.S3AccessKey, c.S3SecretKey)
	}
	dir := c.MediaURL
	if dir == "" {
		dir = filepath.Join(c.DataDir, "media")
	}
	return media.NewFolder(dir)
}

// queueLog is for the queue's own words: it counts its jobs every five seconds
// at the level of what is worth knowing.
func (b *base) queueLog() *slog.Logger {
	return slog.New(atLeast{b.log.Handler(), slog.LevelWarn})
}

// atLeast passes on what has a level, or more.
type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}

// insertOnly is a queue that jobs can be put into and that does none.
func (b *base) insertOnly() (*postgres.Jobs, error) {
	jobs, err := river.NewClient(riverpgxv5.New(b.pool), &river.Config{Logger: b.queueLog()})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return jobs, nil
}

// fillDemo fills an empty market, or says that it is not empty.
func fillDemo(ctx context.Context, b *base, out io.Writer) error {
	if b.config.StripeKey != "" {
		return errors.New("the demonstration's accounts have passwords that everyone knows: it does not go where real money is taken")
	}
	jobs, err := b.insertOnly()
	if err != nil {
		return err
	}
	filled, err := b.fill(ctx, &media.Library{Pool: b.pool, Jobs: jobs, Store: b.store, Log: b.log})
	if err != nil {
		return err
	}
	said := "The demonstration is in; its pictures are made by the next kissaria serve."
	if !filled {
		said = "This market has a union already; nothing was changed."
	}
	_, err = fmt.Fprintln(out, said)
	return err
}

func (b *base) fill(ctx context.Context, l *media.Library) (bool, error) {
	seal, err := union.NewSeal(b.config.SecretKey)
	if err != nil {
		return false, err
	}
	return demo.Fill(ctx, demo.Market{Pool: b.pool, Media: l, Seal: seal, Dir: b.config.DemoDir, Now: time.Now()})
}

// scaleOf reads how many times larger than the measure the demonstration is to be
// made; 0 leaves it as it is.
func scaleOf(args []string) (times float64, err error) {
	for _, a := range args {
		value, ok := strings.CutPrefix(a, "--scale")
		if !ok {
			return 0, fmt.Errorf("demo does not know %q: %w", a, errUsage)
		}
		if times = 1; value == "" {
			continue
		}
		times, err = strconv.ParseFloat(strings.TrimPrefix(value, "="), 64)
		if err != nil || !(times > 0 && times <= 10) {
			return 0, fmt.Errorf("demo --scale wants a number above 0 and up to 10: %w", errUsage)
		}
	}
	return times, nil
}

// enlarge makes a market of the demonstration large.
func enlarge(ctx context.Context, b *base, times float64, out io.Writer) error {
	if times == 0 || b.config.StripeKey != "" {
		return nil
	}
	var failed error
	err := scale.Fill(ctx, b.pool, scale.Full.Times(times), time.Now(), func(said string) {
		if _, err := fmt.Fprintln(out, said); err != nil {
			failed = err
		}
	})
	return errors.Join(err, failed)
}

// createAccount makes a staff account for someone.
func createAccount(ctx context.Context, b *base, name, email, role string, in io.Reader, out io.Writer) error {
	if !slices.Contains(identity.Roles, identity.Role(role)) {
		return fmt.Errorf("there is no role %q, but there are %v", role, identity.Roles)
	}
	if _, err := mail.ParseAddress(email); err != nil {
		return fmt.Errorf("%q is no e-mail address", email)
	}
	if _, err := fmt.Fprintln(out, "Password:"); err != nil {
		return err
	}
	password, err := bufio.NewReader(io.LimitReader(in, 1000)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the password: %w", err)
	}
	err = postgres.InTx(ctx, b.pool, func(tx pgx.Tx) error {
		_, err := identity.Create(ctx, tx, identity.New{Name: name, Email: email, Password: strings.TrimRight(password, "\r\n"),
			Language: "fr", Roles: []identity.Role{identity.Role(role)}}, 0)
		return err
	})
	if errors.Is(err, identity.ErrWeakPassword) {
		return fmt.Errorf("the password must have at least %d characters", identity.MinPassword)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s can sign in.\n", name)
	return err
}
