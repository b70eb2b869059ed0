// Package training is what the union teaches its members, and who finished which
// course.
package training

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// CourseID is a course's key, which never leaves the program.
type CourseID int64

// A Course is something the union teaches.
type Course struct {
	ID       CourseID
	Slug     string
	Title    lang.Texts
	About    lang.Texts // what one leaves with; may be empty
	Sort     int        // its place in the list
	Finished int        // so many members have finished it
}

// Bounds of what the office writes.
const (
	MostTitle   = 120 // characters
	MostAbout   = 600 // characters
	mostSort    = 999
	MostCourses = 200
	mostAtOnce  = 100 // members written down at once
)

var (
	// ErrNoCourse is returned for a course that is not there.
	ErrNoCourse = fault.New(fault.NotFound, "error.not_found")
	// ErrTooMany is returned where the union teaches enough already.
	ErrTooMany = fault.New(fault.Conflict, "training.too_many")
	// ErrNotFinished is returned for a completion that is not there, or no longer.
	ErrNotFinished = fault.New(fault.Conflict, "training.not_finished")
)

const courseQuery = `
	SELECT c.id, c.slug, c.title, coalesce(c.about, '{}'), c.sort, (SELECT count(*) FROM completions d WHERE d.course_id = c.id)
	FROM courses c`

func scanCourse(row pgx.CollectableRow) (Course, error) {
	var c Course
	err := row.Scan(&c.ID, &c.Slug, &c.Title, &c.About, &c.Sort, &c.Finished)
	return c, err
}

// Courses returns all courses in the union's order.
func Courses(ctx context.Context, db postgres.DB) ([]Course, error) {
	rows, err := db.Query(ctx, courseQuery+` ORDER BY c.sort, c.id LIMIT $1`, MostCourses)
	if err != nil {
		return nil, fmt.Errorf("training: courses: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanCourse)
	if err != nil {
		return nil, fmt.Errorf("training: courses: %w", err)
	}
	return list, nil
}

// CourseBySlug returns the course at an address, or ErrNoCourse.
func CourseBySlug(ctx context.Context, db postgres.DB, slug string) (Course, error) {
	rows, err := db.Query(ctx, courseQuery+` WHERE c.slug = $1`, slug)
	if err != nil {
		return Course{}, fmt.Errorf("training: course: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCourse)
	if errors.Is(err, pgx.ErrNoRows) {
		return Course{}, ErrNoCourse
	}
	if err != nil {
		return Course{}, fmt.Errorf("training: course: %w", err)
	}
	return c, nil
}

// clean brings what was typed into order, and tells what is wrong with it, beside
// the fields title_fr and so on, about_fr and so on, and sort.
func (c *Course) clean() error {
	var f fault.Form
	texts := func(field string, words lang.Texts, most int) lang.Texts {
		kept := lang.Texts{}
		for code, w := range words {
			if w = strings.TrimSpace(w); w != "" {
				kept[code] = w
			}
			if len([]rune(w)) > most {
				f.Wrong(field+"_"+code, "review.too_long", most)
			}
		}
		return kept
	}
	c.Title, c.About = texts("title", c.Title, MostTitle), texts("about", c.About, MostAbout)
	if len(c.Title) == 0 {
		f.Wrong("title_fr", "moderation.no_text")
	}
	if c.Sort < 0 || c.Sort > mostSort {
		f.Wrong("sort", "moderation.rule_wrong", 0, mostSort)
	}
	return f.Err()
}

// about is what a course's column holds.
func (c Course) about() any {
	if len(c.About) == 0 {
		return nil
	}
	return c.About
}

// AddCourse writes a course, and logs it. Without a slug it gets one. It returns
// the slug, ErrTooMany, or what is wrong with which field.
func AddCourse(ctx context.Context, tx pgx.Tx, c Course, by identity.AccountID) (slug string, err error) {
	if err := c.clean(); err != nil {
		return "", err
	}
	if c.Slug == "" {
		c.Slug = strings.ToLower(rand.Text()[:8])
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO courses (slug, title, about, sort)
		SELECT $1, $2, $3, $4
		WHERE (SELECT count(*) FROM courses) < $5`, c.Slug, c.Title, c.about(), c.Sort, MostCourses)
	if err != nil {
		return "", fmt.Errorf("training: add course: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return "", ErrTooMany.With(MostCourses)
	}
	return c.Slug, identity.Record(ctx, tx, identity.Entry{By: by, Action: "course.added", Subject: "course:" + c.Slug, After: c.said()})
}

// ChangeCourse gives a course other words or another place, and logs it. It
// returns ErrNoCourse, or what is wrong with which field.
func ChangeCourse(ctx context.Context, tx pgx.Tx, c Course, by identity.AccountID) error {
	if err := c.clean(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT FROM courses WHERE slug = $1 FOR NO KEY UPDATE`, c.Slug); err != nil {
		return fmt.Errorf("training: change course: %w", err)
	}
	before, err := CourseBySlug(ctx, tx, c.Slug)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE courses SET title = $2, about = $3, sort = $4 WHERE slug = $1`, c.Slug, c.Title, c.about(), c.Sort); err != nil {
		return fmt.Errorf("training: change course: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "course.changed", Subject: "course:" + c.Slug, Before: before.said(), After: c.said()})
}

// said is what the audit keeps of a course.
func (c Course) said() map[string]any {
	return map[string]any{"title": c.Title, "about": c.About, "sort": c.Sort}
}

// Finish writes down who finished a course, by their slugs, and on which day, and
// logs it for each. Who had finished it already is left as they were. It returns
// how many were written down, or what is wrong with the fields artisan and
// finished_on; today is the union's.
func Finish(ctx context.Context, tx pgx.Tx, c Course, artisans []string, on, today, at time.Time, by identity.AccountID) (int, error) {
	var f fault.Form
	if on.Year() < 2000 || on.After(today) {
		f.Wrong("finished_on", "training.day_wrong")
	}
	artisans = slices.Compact(slices.Sorted(slices.Values(artisans)))
	if len(artisans) == 0 || len(artisans) > mostAtOnce {
		f.Wrong("artisan", "training.nobody", mostAtOnce)
	}
	if err := f.Err(); err != nil {
		return 0, err
	}
	written, err := write(ctx, tx, c, artisans, on, at, by)
	if err != nil {
		return 0, err
	}
	for _, slug := range written {
		err := identity.Record(ctx, tx, identity.Entry{By: by, Action: "course.finished", Subject: "artisan:" + slug,
			After: map[string]any{"course": c.Slug, "on": on.Format(time.DateOnly)}})
		if err != nil {
			return 0, err
		}
	}
	return len(written), nil
}

// Plant has members of an invented market finish a course on its last day.
func Plant(ctx context.Context, tx pgx.Tx, c Course, artisans []string, on time.Time) error {
	_, err := write(ctx, tx, c, artisans, on, on, 0)
	return err
}

// write writes down who finished a course, and returns the slugs of those who had
// not finished it before.
func write(ctx context.Context, tx pgx.Tx, c Course, artisans []string, on, at time.Time, by identity.AccountID) ([]string, error) {
	rows, err := tx.Query(ctx, `
		WITH written AS (
			INSERT INTO completions (course_id, artisan_id, finished_on, recorded_by, recorded_at)
			SELECT $1, id, $3, nullif($4::bigint, 0), $5
			FROM artisans
			WHERE slug = ANY ($2)
			ON CONFLICT (course_id, artisan_id) DO NOTHING
			RETURNING artisan_id)
		SELECT a.slug FROM written w JOIN artisans a ON a.id = w.artisan_id ORDER BY a.slug`, c.ID, artisans, on, by, at)
	if err != nil {
		return nil, fmt.Errorf("training: finish: %w", err)
	}
	written, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("training: finish: %w", err)
	}
	return written, nil
}

// Undo takes back that someone finished a course, and logs it. It returns
// ErrNotFinished where that is not written down.
func Undo(ctx context.Context, tx pgx.Tx, c Course, artisan string, by identity.AccountID) error {
	var on time.Time
	err := tx.QueryRow(ctx, `
		DELETE FROM completions d
		USING artisans a
		WHERE d.course_id = $1 AND a.id = d.artisan_id AND a.slug = $2
		RETURNING d.finished_on`, c.ID, artisan).Scan(&on)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFinished
	}
	if err != nil {
		return fmt.Errorf("training: undo: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "course.unfinished", Subject: "artisan:" + artisan,
		Before: map[string]any{"course": c.Slug, "on": on.Format(time.DateOnly)}})
}

// A Completion is that someone finished a course.
type Completion struct {
	Course  string // slug
	Title   lang.Texts
	Artisan union.ArtisanID
	On      time.Time // the day
	By      string    // who wrote it down, empty for the demo's
}

const completionQuery = `
	SELECT c.slug, c.title, d.artisan_id, d.finished_on, coalesce(acc.name, '')
	FROM completions d
	JOIN courses c ON c.id = d.course_id
	LEFT JOIN accounts acc ON acc.id = d.recorded_by`

func completions(ctx context.Context, db postgres.DB, query string, args ...any) ([]Completion, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("training: completions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Completion])
	if err != nil {
		return nil, fmt.Errorf("training: completions: %w", err)
	}
	return list, nil
}

// FinishedBy returns what an artisan has finished, the latest first.
func FinishedBy(ctx context.Context, db postgres.DB, a union.ArtisanID) ([]Completion, error) {
	return completions(ctx, db, completionQuery+` WHERE d.artisan_id = $1 ORDER BY d.finished_on DESC, c.sort LIMIT $2`, a, MostCourses)
}

// Finishers returns who finished a course, the latest first, and whether there
// are more after the first skip and limit.
func Finishers(ctx context.Context, db postgres.DB, c CourseID, skip, limit int) (list []Completion, more bool, err error) {
	list, err = completions(ctx, db, completionQuery+`
		WHERE d.course_id = $1 ORDER BY d.finished_on DESC, d.artisan_id OFFSET $2 LIMIT $3`, c, skip, limit+1)
	if len(list) > limit {
		return list[:limit], true, err
	}
	return list, false, err
}

// HaveFinished returns which of some artisans have finished a course.
func HaveFinished(ctx context.Context, db postgres.DB, course string, list []union.ArtisanID) (map[union.ArtisanID]bool, error) {
	rows, err := db.Query(ctx, `
		SELECT d.artisan_id
		FROM completions d
		JOIN courses c ON c.id = d.course_id
		WHERE c.slug = $1 AND d.artisan_id = ANY ($2)`, course, list)
	if err != nil {
		return nil, fmt.Errorf("training: have finished: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[union.ArtisanID])
	if err != nil {
		return nil, fmt.Errorf("training: have finished: %w", err)
	}
	have := map[union.ArtisanID]bool{}
	for _, id := range ids {
		have[id] = true
	}
	return have, nil
}

// MoveArtisan gives what one artisan has finished to another, who keeps the earlier
// day where both have.
func MoveArtisan(ctx context.Context, tx pgx.Tx, from, into union.ArtisanID) error {
	_, err := tx.Exec(ctx, `
		WITH moved AS (
			DELETE FROM completions WHERE artisan_id = $1 RETURNING course_id, finished_on, recorded_by, recorded_at)
		INSERT INTO completions (course_id, artisan_id, finished_on, recorded_by, recorded_at)
		SELECT course_id, $2, finished_on, recorded_by, recorded_at FROM moved
		ON CONFLICT (course_id, artisan_id) DO UPDATE SET finished_on = least(completions.finished_on, excluded.finished_on)`, from, into)
	if err != nil {
		return fmt.Errorf("training: move artisan %d: %w", from, err)
	}
	return nil
}
