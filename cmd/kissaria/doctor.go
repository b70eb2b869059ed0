package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/embedded"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/migrations"
)

// errUnwell is returned when the doctor found something.
var errUnwell = errors.New("not all is well; what to do stands above")

// mostDrift is how far the clocks of the program and of the database may be
// apart: codes of the second step are good for half a minute either side.
const mostDrift = 5 * time.Second

// A doctor asks each part of the market how it is. It changes nothing, but for a
// few bytes that it writes and takes away again where writing is in question.
type doctor struct {
	*base
	out   io.Writer
	wrong int
	err   error // of writing to out
}

// says tells how a part is: well, or wrong with what to do.
func (d *doctor) says(part, how, todo string) {
	mark := "ok   "
	if todo != "" {
		mark = "WRONG"
		d.wrong++
	}
	_, err := fmt.Fprintf(d.out, "%s  %-10s %s\n", mark, part, how)
	if todo != "" {
		_, more := fmt.Fprintf(d.out, "       %-10s → %s\n", "", todo)
		err = errors.Join(err, more)
	}
	d.err = errors.Join(d.err, err)
}

// unknown tells that a part could not be asked.
func (d *doctor) unknown(part string, err error) {
	d.says(part, "could not be looked at: "+err.Error(), "mend what stands above, and ask again")
}

// examine says of each part of the market whether it is well. It returns
// errUnwell when one is not.
func examine(ctx context.Context, c Config, log *slog.Logger, seal string, out io.Writer) (err error) {
	d := &doctor{base: &base{config: c, log: log}, out: out}
	defer func() { err = errors.Join(err, d.close()) }()
	if d.reach(ctx) && d.migratedWhole(ctx) {
		d.clock(ctx)
		d.founded(ctx)
		d.books(ctx)
		d.stock(ctx)
		d.cards(ctx)
		d.sales(ctx)
		d.jobs(ctx)
		d.second(ctx)
		d.audit(ctx, seal)
	}
	d.sessions(ctx)
	d.pictures(ctx)
	if d.err == nil && d.wrong > 0 {
		d.err = errUnwell
	}
	return d.err
}

// reach opens the database, the market's own or that of a program that is
// running now.
func (d *doctor) reach(ctx context.Context) bool {
	c := &d.config
	where := "that of DATABASE_URL"
	if c.private() {
		dir, _, err := embedded.DataDir(c.DataDir)
		if err == nil {
			if _, err := os.Stat(filepath.Join(dir, "postgres")); errors.Is(err, fs.ErrNotExist) {
				d.says("database", "there is no market in "+dir+" yet", "make run, or set DATA_DIR, or DATABASE_URL and REDIS_URL")
				return false
			}
			c.DataDir = dir
			options := embedded.Options{DataDir: dir, Log: d.log}
			where = "started for this look"
			d.stack, err = embedded.Start(ctx, options)
			switch {
			case errors.Is(err, embedded.ErrInUse):
				where = "beside the market that is open"
				c.DatabaseURL, c.RedisURL, err = embedded.Running(options)
			case err == nil:
				c.DatabaseURL, c.RedisURL = d.stack.DatabaseURL, d.stack.RedisURL
			}
		}
		if err != nil {
			d.says("database", err.Error(), "kissaria serve says the same; what to install is in docs/operations.md")
			return false
		}
	}
	var err error
	if d.pool, err = postgres.Open(ctx, c.DatabaseURL, 4); err != nil {
		d.says("database", err.Error(), "see that PostgreSQL runs and that DATABASE_URL names it, its user and its password")
		return false
	}
	var version string
	if err := d.pool.QueryRow(ctx, `SHOW server_version`).Scan(&version); err != nil {
		d.unknown("database", err)
		return false
	}
	d.says("database", "answers: PostgreSQL "+version+", "+where, "")
	return true
}

func (d *doctor) migratedWhole(ctx context.Context) bool {
	steps, queue, err := postgres.Pending(ctx, d.pool, migrations.Files)
	switch {
	case err != nil:
		d.unknown("schema", err)
		return false
	case len(steps) > 0 || !queue:
		d.says("schema", fmt.Sprintf("%d steps were not taken %s", len(steps), strings.Join(steps[:min(3, len(steps))], ", ")), "kissaria migrate")
		return false
	}
	d.says("schema", "up to date", "")
	return true
}

func (d *doctor) clock(ctx context.Context) {
	var theirs time.Time
	begin := time.Now()
	if err := d.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		d.unknown("clock", err)
		return
	}
	drift := theirs.Sub(begin.Add(time.Since(begin) / 2)).Abs().Round(time.Millisecond)
	if drift > mostDrift {
		d.says("clock", fmt.Sprintf("this machine and the database's are %v apart", drift), "set both by NTP: codes of the second step and links that run out depend on it")
		return
	}
	d.says("clock", fmt.Sprintf("%v from the database's", drift), "")
}

func (d *doctor) founded(ctx context.Context) {
	p, err := union.Read(ctx, d.pool)
	switch {
	case errors.Is(err, union.ErrNotFounded):
		d.says("union", "this market has none yet", "kissaria demo fills it with the demonstration")
	case err != nil:
		d.unknown("union", err)
	default:
		d.says("union", p.Market["fr"], "")
	}
}

func (d *doctor) books(ctx context.Context) {
	sum, unbalanced, err := ledger.Check(ctx, d.pool)
	switch {
	case err != nil:
		d.unknown("ledger", err)
	case sum != 0 || len(unbalanced) > 0:
		d.says("ledger", fmt.Sprintf("off by %d centimes; unbalanced: %s", sum, strings.Join(unbalanced, ", ")),
			"stop paying out, restore the newest backup beside it and compare these transactions: the database refuses such rows, so someone wrote past it")
	default:
		d.says("ledger", "sums to zero", "")
	}
}

func (d *doctor) stock(ctx context.Context) {
	var wrong int
	var skus string
	err := d.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(string_agg(sku, ', ') FILTER (WHERE n <= 5), '')
		FROM (
			SELECT v.sku, row_number() OVER (ORDER BY v.sku) AS n
			FROM variants v
			WHERE v.held <> (SELECT coalesce(sum(r.quantity), 0) FROM reservations r WHERE r.variant_id = v.id AND r.state = 'held')) AS w`).Scan(&wrong, &skus)
	switch {
	case err != nil:
		d.unknown("stock", err)
	case wrong > 0:
		d.says("stock", fmt.Sprintf("%d variants hold another number of pieces than buyers have put aside: %s", wrong, skus),
			"set held to the sum of the reservations in state held, after looking at these orders")
	default:
		d.says("stock", "what is held is what buyers have put aside", "")
	}
}

func (d *doctor) cards(ctx context.Context) {
	wrong, slugs, err := catalog.CheckCards(ctx, d.pool)
	switch {
	case err != nil:
		d.unknown("cards", err)
	case wrong > 0:
		d.says("cards", fmt.Sprintf("%d products look otherwise in lists than they are: %s", wrong, strings.Join(slugs, ", ")),
			"changing stock or price of such a piece in the studio makes its card anew; if it comes again, it is a bug")
	default:
		d.says("cards", "lists show what is on sale", "")
	}
}

func (d *doctor) sales(ctx context.Context) {
	wrong, days, err := order.CheckSales(ctx, d.pool)
	switch {
	case err != nil:
		d.unknown("sales", err)
	case wrong > 0:
		d.says("sales", fmt.Sprintf("%d sums of a day, trade and country are not those of their orders: %s", wrong, strings.Join(days, ", ")),
			"someone wrote past the program: compare these days' orders with the ledger, then correct daily_sales")
	default:
		d.says("sales", "the office's sums are those of the orders", "")
	}
}

func (d *doctor) jobs(ctx context.Context) {
	for _, q := range []struct{ part, sql, how, todo string }{
		{"jobs", `SELECT count(*) FROM river_job WHERE state = 'discarded'`, "jobs have given up", "SELECT kind, errors[array_upper(errors, 1)] FROM river_job WHERE state = 'discarded' says why"},
		{"letters", `SELECT count(*) FROM mails WHERE sent_at IS NULL AND queued_at < now() - interval '1 hour'`, "letters have waited for more than an hour", "see SMTP_URL, and that a kissaria serve --work is running"},
		{"events", `SELECT count(*) FROM provider_events WHERE applied_at IS NULL AND received_at < now() - interval '10 minutes'`, "messages of the card provider were not acted upon", "see that a kissaria serve --work is running"},
		{"pictures", `SELECT count(*) FROM pictures WHERE state = 'failed'`, "pictures could not be read", "tell the artisans; their studio says which"},
	} {
		var n int
		switch err := d.pool.QueryRow(ctx, q.sql).Scan(&n); {
		case err != nil:
			d.unknown(q.part, err)
		case n > 0:
			d.says(q.part, fmt.Sprintf("%d %s", n, q.how), q.todo)
		default:
			d.says(q.part, "0 "+q.how, "")
		}
	}
}

// second tells how the staff sign in.
func (d *doctor) second(ctx context.Context) {
	list, _, err := identity.Colleagues(ctx, d.pool, identity.ColleagueFilter{Limit: 1000}, time.Now())
	if err != nil {
		d.unknown("staff", err)
		return
	}
	admins, bare := 0, 0
	for _, k := range list {
		if k.May(identity.ManageStaff) && k.HasWayIn {
			admins++
		}
		if k.Staff() && k.State == identity.Active && k.HasWayIn && !k.Factor && k.Passkeys == 0 {
			bare++
		}
	}
	how := fmt.Sprintf("%d administrators; %d of the staff have a password alone", admins, bare)
	switch {
	case admins == 0:
		d.says("staff", how, "kissaria account makes an administrator")
	case bare > 0 && d.config.SecondFactor == "required":
		d.says("staff", how+", and are led to a second step when they sign in next", "")
	default:
		d.says("staff", how, "")
	}
}

func (d *doctor) audit(ctx context.Context, seal string) {
	begin := time.Now()
	c, err := identity.CheckAudit(ctx, d.pool, seal)
	switch {
	case errors.Is(err, identity.ErrNoSeal):
		d.says("audit", fmt.Sprintf("%q is no seal", seal), "give what an earlier kissaria doctor said of the audit, like 1234:9f86d0…")
	case err != nil:
		d.unknown("audit", err)
	case !c.Whole():
		d.says("audit", fmt.Sprintf("%d rows changed, %d removed, %d slipped in, of %d: %s", c.Changed, c.Removed, c.Strange, c.Rows, strings.Join(c.Examples, "; ")),
			"someone wrote past the program: keep this database as it is, and compare these rows with the backups")
	default:
		d.says("audit", fmt.Sprintf("%d rows are as they were written (%.1f s); seal %s", c.Rows, time.Since(begin).Seconds(), c.Seal()), "")
	}
}

// sessions asks Redis to keep something for a moment.
func (d *doctor) sessions(ctx context.Context) {
	var err error
	if d.config.RedisURL == "" {
		d.says("redis", "not known where", "mend the database first")
		return
	}
	if d.redis, err = openRedis(d.config.RedisURL); err == nil {
		key := d.config.RedisPrefix + "doctor:" + rand.Text()
		err = d.redis.Set(ctx, key, "well", time.Minute).Err()
		if err == nil {
			err = d.redis.Del(ctx, key).Err()
		}
	}
	if err != nil {
		d.says("redis", err.Error(), "see that Redis runs, that REDIS_URL names it, and that it has room")
		return
	}
	d.says("redis", "answers and keeps", "")
}

// pictures writes a few bytes where pictures are kept, reads them and takes them
// away.
func (d *doctor) pictures(ctx context.Context) {
	var err error
	if d.store, err = openStore(d.config); err == nil {
		err = d.tryStore(ctx)
	}
	if err != nil {
		d.says("store", err.Error(), "see MEDIA_URL, who owns the folder and how full its disk is, or the bucket's keys")
		return
	}
	d.says("store", "pictures can be kept", "")
}

func (d *doctor) tryStore(ctx context.Context) (err error) {
	name, words := "doctor/"+strings.ToLower(rand.Text()), "well"
	if err := d.store.Put(ctx, name, strings.NewReader(words), int64(len(words))); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.store.Delete(ctx, name)) }()
	f, err := d.store.Open(ctx, name)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if string(b) != words {
		return fmt.Errorf("%q came back as %q", words, b)
	}
	return nil
}
