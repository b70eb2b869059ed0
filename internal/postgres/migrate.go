package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// migrationLock is the advisory lock that one migrating program holds; the
// number means nothing but must not change.
const migrationLock = 3920160304

// Migrate brings the schema up to the newest of files, and the queue's own
// tables with it. A step that fails is rolled back whole, and the error names
// it. Programs started together take turns.
func Migrate(ctx context.Context, pool *pgxpool.Pool, files fs.FS) (applied int, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return 0, fmt.Errorf("postgres: migrate: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return 0, fmt.Errorf("postgres: migrate: wait for another: %w", err)
	}
	defer func() {
		_, unlockErr := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrationLock))
		err = errors.Join(err, unlockErr)
	}()

	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	steps, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return 0, fmt.Errorf("postgres: read migrations: %w", err)
	}
	results, err := steps.Up(ctx)
	if p := (*goose.PartialError)(nil); errors.As(err, &p) && p.Failed != nil {
		return len(p.Applied), fmt.Errorf("postgres: %s was rolled back: %w", p.Failed.Source.Path, p.Err)
	}
	if err != nil {
		return 0, fmt.Errorf("postgres: migrate: %w", err)
	}
	queue, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return 0, fmt.Errorf("postgres: read the queue's migrations: %w", err)
	}
	queued, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return 0, fmt.Errorf("postgres: migrate the queue: %w", err)
	}
	return len(results) + len(queued.Versions), nil
}

// Pending returns the names of the steps of files that the database has not
// taken, and whether the queue's own tables are up to date.
func Pending(ctx context.Context, pool *pgxpool.Pool, files fs.FS) (steps []string, queue bool, err error) {
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return nil, false, fmt.Errorf("postgres: read migrations: %w", err)
	}
	taken := map[int64]bool{}
	rows, err := pool.Query(ctx, `SELECT version_id FROM goose_db_version WHERE is_applied`)
	if err == nil {
		var version int64
		_, err = pgx.ForEachRow(rows, []any{&version}, func() error {
			taken[version] = true
			return nil
		})
	}
	if e := (*pgconn.PgError)(nil); err != nil && (!errors.As(err, &e) || e.Code != "42P01") { // no such table: nothing was taken
		return nil, false, fmt.Errorf("postgres: pending steps: %w", err)
	}
	for _, source := range provider.ListSources() {
		if !taken[source.Version] {
			steps = append(steps, source.Path)
		}
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return nil, false, fmt.Errorf("postgres: read the queue's migrations: %w", err)
	}
	valid, err := migrator.Validate(ctx, nil)
	if err != nil {
		return nil, false, fmt.Errorf("postgres: the queue's pending steps: %w", err)
	}
	return steps, valid.OK, nil
}
