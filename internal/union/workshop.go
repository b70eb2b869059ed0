package union

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
)

// Bounds of what an artisan says of the workshop.
const (
	MostStory  = 1500 // characters
	MostClosed = 366  // days
)

// Spoken are the languages that an artisan can tick: those of the region and of
// the travellers who come, BCP 47.
var Spoken = []string{"ar", "zgh", "fr", "es", "en", "de", "it", "pt"}

// changeWorkshop writes one thing about an artisan's workshop and logs which.
// What was said is not logged: it may be personal.
func changeWorkshop(ctx context.Context, tx pgx.Tx, a Artisan, by identity.AccountID, what, sql string, args ...any) error {
	if _, err := tx.Exec(ctx, sql, append([]any{a.ID}, args...)...); err != nil {
		return fmt.Errorf("union: change %s of %s: %w", what, a.Slug, err)
	}
	if err := postgres.Notify(ctx, tx, a.ID.Tag(), Lists); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.changed", Subject: "artisan:" + a.Slug,
		After: map[string]string{"changed": what}})
}

// StoryLanguage is the language in which the artisan tells the story: that in
// which it was told so far, and otherwise the one they read.
func (a Artisan) StoryLanguage(reads *lang.Language) *lang.Language {
	if l, err := lang.ByCode(a.WrittenIn); err == nil && a.Bio[l.Code] != "" {
		return l
	}
	return reads
}

// SetStory writes the story in one language, of up to MostStory characters, and
// leaves it in the others as it is; empty words take it away. It returns a
// fault beside the field story for a longer one.
func SetStory(ctx context.Context, tx pgx.Tx, a Artisan, l *lang.Language, words string, by identity.AccountID) error {
	words = strings.TrimSpace(words)
	if len([]rune(words)) > MostStory {
		var f fault.Form
		f.Wrong("story", "checkout.too_long")
		return f.Err()
	}
	return changeWorkshop(ctx, tx, a, by, "story", `
		UPDATE artisans
		SET written_in = $2,
		    bio = nullif(CASE WHEN $3 = '' THEN coalesce(bio, '{}') - $2 ELSE coalesce(bio, '{}') || jsonb_build_object($2::text, $3::text) END, '{}')
		WHERE id = $1`, l.Code, words)
}

// SetPicture shows another picture of the workshop; see media.Library.Take.
func SetPicture(ctx context.Context, tx pgx.Tx, a Artisan, p media.PictureID, by identity.AccountID) error {
	return changeWorkshop(ctx, tx, a, by, "picture", `UPDATE artisans SET picture_id = $2 WHERE id = $1`, p)
}

// SetVisits says whether buyers may come, and whether only by appointment. The
// hours are kept for the day when they may again.
func SetVisits(ctx context.Context, tx pgx.Tx, a Artisan, accepts, appointment bool, by identity.AccountID) error {
	return changeWorkshop(ctx, tx, a, by, "visits", `
		UPDATE artisans
		SET accepts_visits = $2, by_appointment = $3
		WHERE id = $1`, accepts, accepts && appointment)
}

// SetHours gives some days, keys of lang.Weekdays, the same hours: up to two
// spans of 24-hour clock times, such as 09:30, one after the other. None closes
// these days. The other days stay as they are. It returns faults beside the
// fields day, from1, to1, from2 and to2.
func SetHours(ctx context.Context, tx pgx.Tx, a Artisan, days []string, spans [][2]string, by identity.AccountID) error {
	if err := checkHours(days, spans); err != nil {
		return err
	}
	// The row is locked, so that two phones do not lose one another's days.
	var hours Hours
	if err := tx.QueryRow(ctx, `SELECT visit_hours FROM artisans WHERE id = $1 FOR NO KEY UPDATE`, a.ID).Scan(&hours); err != nil {
		return fmt.Errorf("union: hours of %s: %w", a.Slug, err)
	}
	hours = maps.Clone(hours)
	if hours == nil {
		hours = Hours{}
	}
	for _, d := range days {
		hours[d] = append([][2]string{}, spans...) // Never null in JSON.
	}
	return changeWorkshop(ctx, tx, a, by, "hours", `UPDATE artisans SET visit_hours = $2 WHERE id = $1`, hours)
}

func checkHours(days []string, spans [][2]string) error {
	var f fault.Form
	if len(days) == 0 {
		f.Wrong("day", "studio.hours.no_day")
	}
	for _, d := range days {
		if !slices.Contains(lang.Weekdays, d) {
			f.Wrong("day", "studio.hours.no_day")
		}
	}
	last := ""
	for i, span := range spans {
		n := fmt.Sprint(i + 1)
		for j, name := range []string{"from" + n, "to" + n} {
			switch at := span[j]; {
			case !isClock(at):
				f.Wrong(name, "studio.hours.unread")
			case at <= last:
				f.Wrong(name, "studio.hours.order")
			default:
				last = at
			}
		}
	}
	return f.Err()
}

// isClock reports whether s is a time of day on a 24-hour clock, as 09:30.
func isClock(s string) bool {
	_, err := time.Parse("15:04", s)
	return err == nil && len(s) == len("15:04")
}

// SetSpeaks says which languages are spoken, of Spoken and of those that are
// written down already. Others are left out.
func SetSpeaks(ctx context.Context, tx pgx.Tx, a Artisan, codes []string, by identity.AccountID) error {
	known := slices.Concat(Spoken, a.Speaks)
	codes = slices.DeleteFunc(append([]string{}, codes...), func(c string) bool { return !slices.Contains(known, c) })
	return changeWorkshop(ctx, tx, a, by, "languages", `UPDATE artisans SET speaks = $2 WHERE id = $1`, codes)
}

// ShowPhone says whether buyers see the phone number.
func ShowPhone(ctx context.Context, tx pgx.Tx, a Artisan, shows bool, by identity.AccountID) error {
	return changeWorkshop(ctx, tx, a, by, "phone", `UPDATE artisans SET shows_phone = $2 WHERE id = $1`, shows)
}

// Holidays are the days on which a workshop is closed, the first and the last
// among them. The zero ones are none.
type Holidays struct {
	From, Until time.Time
	Leaves      bool // the pieces leave the market for them
}

// Cover reports whether t is on one of the days, as days are told where t is.
func (h Holidays) Cover(t time.Time) bool {
	day := t.Format(time.DateOnly)
	return !h.From.IsZero() && h.From.Format(time.DateOnly) <= day && day <= h.Until.Format(time.DateOnly)
}

// Between reports whether some of the days are between two others, or on them.
func (h Holidays) Between(from, to time.Time) bool {
	return !h.Over(from) && h.From.Format(time.DateOnly) <= to.Format(time.DateOnly)
}

// Reopens is the day on which the workshop is open again.
func (h Holidays) Reopens() time.Time { return h.Until.AddDate(0, 0, 1) }

// Over reports whether none of the days is on t or later.
func (h Holidays) Over(t time.Time) bool {
	return h.From.IsZero() || h.Until.Format(time.DateOnly) < t.Format(time.DateOnly)
}

// Close shuts the workshop for some days, in place of those named before; zero
// holidays open it again. today is where the union is. It returns faults beside
// the fields from and until for days that are over, run backwards, or are more
// than MostClosed.
func Close(ctx context.Context, tx pgx.Tx, a Artisan, h Holidays, today time.Time, by identity.AccountID) error {
	if !h.From.IsZero() {
		var f fault.Form
		switch {
		case h.Until.Before(h.From):
			f.Wrong("until", "studio.closed.backwards")
		case h.Over(today):
			f.Wrong("until", "studio.closed.over")
		case h.Until.Sub(h.From) > MostClosed*24*time.Hour:
			f.Wrong("until", "studio.closed.long", MostClosed)
		}
		if err := f.Err(); err != nil {
			return err
		}
	}
	var from, until *time.Time
	if !h.From.IsZero() {
		from, until = &h.From, &h.Until
	}
	return changeWorkshop(ctx, tx, a, by, "holidays", `
		UPDATE artisans
		SET closed_from = $2, closed_until = $3, closed_leaves = $4, away = $4 AND coalesce($5::date BETWEEN $2 AND $3, false)
		WHERE id = $1`, from, until, h.Leaves && from != nil, today.Format(time.DateOnly))
}

// TurnSigns takes the pieces of workshops whose holidays begin off the market,
// where their artisans like it so, and puts those back whose holidays are over.
// today is where the union is. Done twice, it is done once.
func TurnSigns(ctx context.Context, tx pgx.Tx, today time.Time) error {
	rows, err := tx.Query(ctx, `
		UPDATE artisans
		SET away = NOT away
		WHERE away <> (closed_leaves AND coalesce($1::date BETWEEN closed_from AND closed_until, false))
		RETURNING id`, today.Format(time.DateOnly))
	if err != nil {
		return fmt.Errorf("union: turn signs: %w", err)
	}
	turned, err := pgx.CollectRows(rows, pgx.RowTo[ArtisanID])
	if err != nil {
		return fmt.Errorf("union: turn signs: %w", err)
	}
	if len(turned) == 0 {
		return nil
	}
	tags := []string{Lists}
	for _, id := range turned {
		tags = append(tags, id.Tag())
	}
	return postgres.Notify(ctx, tx, tags...)
}
