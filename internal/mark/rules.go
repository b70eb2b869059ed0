package mark

import (
	"context"
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

// Rules are how a committee gives its mark.
type Rules struct {
	Signatures    int        `json:"signatures"`    // so many members must sign
	Months        int        `json:"months"`        // for which a mark stands, and how old the visit may be
	RenewDays     int        `json:"renew_days"`    // in a mark's last days the next one may be proposed
	Specification lang.Texts `json:"specification"` // what the mark asks for; nil where nothing is written down
}

// usualRenewDays are those of usual, for the database.
const usualRenewDays = 60

// usual are the rules of a committee that has set none.
var usual = Rules{Signatures: 2, Months: 12, RenewDays: usualRenewDays}

// RulesOf returns a committee's rules.
func RulesOf(ctx context.Context, db postgres.DB, c union.CommitteeID) (Rules, error) {
	r := usual
	err := db.QueryRow(ctx, `SELECT signatures, months, renew_days, specification FROM mark_rules WHERE committee_id = $1`, c).
		Scan(&r.Signatures, &r.Months, &r.RenewDays, &r.Specification)
	if err != nil && !isAbsent(err) {
		return Rules{}, fmt.Errorf("mark: rules: %w", err)
	}
	return r, nil
}

// Chairs reports whether the judge may set a committee's numbers: an administrator
// may, and whoever chairs it.
func (j Judge) Chairs(ctx context.Context, db postgres.DB, c union.CommitteeID) (bool, error) {
	if j.All {
		return true, nil
	}
	var yes bool
	err := db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM committee_members WHERE committee_id = $1 AND artisan_id = $2 AND office = 'chair')`, c, j.Own).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("mark: chair: %w", err)
	}
	return yes && slices.Contains(j.Committees, c), nil
}

// SetRules gives a committee other numbers and keeps its specification. What has
// signatures enough by them stands at once. It returns identity.ErrForbidden to
// who is not in the chair, and faults beside the fields signatures, months and
// renew_days.
func SetRules(ctx context.Context, tx pgx.Tx, j Judge, c union.Committee, r Rules, at time.Time) error {
	if chairs, err := j.Chairs(ctx, tx, c.ID); err != nil || !chairs {
		return orForbidden(err)
	}
	var f fault.Form
	for field, bound := range map[string][3]int{"signatures": {r.Signatures, 1, 9}, "months": {r.Months, 1, 60}, "renew_days": {r.RenewDays, 0, 365}} {
		if bound[0] < bound[1] || bound[0] > bound[2] {
			f.Wrong(field, "moderation.rule_wrong", bound[1], bound[2])
		}
	}
	if err := f.Err(); err != nil {
		return err
	}
	before, err := RulesOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	r.Specification = before.Specification
	if err := keepRules(ctx, tx, c, before, r, "committee.mark_rules_set", j.Account); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT ref FROM marks WHERE committee_id = $1 AND state = 'proposed' ORDER BY id FOR UPDATE`, c.ID)
	if err != nil {
		return fmt.Errorf("mark: set rules: %w", err)
	}
	return settleAll(ctx, tx, rows, j.Account, at)
}

func orForbidden(err error) error {
	if err != nil {
		return err
	}
	return identity.ErrForbidden
}

// SetSpecification writes down what a committee's mark asks for. Marks that were
// proposed before keep what was written then. It returns ErrNotYours, or faults
// beside the fields specification_fr and so on.
func SetSpecification(ctx context.Context, tx pgx.Tx, j Judge, c union.Committee, texts lang.Texts) error {
	if !j.All && !slices.Contains(j.Committees, c.ID) {
		return ErrNotYours
	}
	kept := lang.Texts{}
	var f fault.Form
	for code, w := range texts {
		if w = strings.TrimSpace(breaks.Replace(w)); w != "" {
			kept[code] = w
		}
		if len([]rune(w)) > MostSpecification {
			f.Wrong("specification_"+code, "mark.too_long", MostSpecification)
		}
	}
	if len(kept) == 0 {
		f.Wrong("specification_fr", "moderation.no_text")
	}
	if err := f.Err(); err != nil {
		return err
	}
	before, err := RulesOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	after := before
	after.Specification = kept
	return keepRules(ctx, tx, c, before, after, "committee.mark_specified", j.Account)
}

func keepRules(ctx context.Context, tx pgx.Tx, c union.Committee, before, r Rules, action string, by identity.AccountID) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO mark_rules (committee_id, signatures, months, renew_days, specification)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (committee_id) DO UPDATE SET signatures = $2, months = $3, renew_days = $4, specification = $5`,
		c.ID, r.Signatures, r.Months, r.RenewDays, r.Specification)
	if err != nil {
		return fmt.Errorf("mark: keep rules: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: action, Subject: "committee:" + c.Slug, Before: before, After: r})
}

// A Level is how high a mark can be.
type Level struct {
	Level int
	Name  lang.Texts
}

// A Class is what kind of craft a mark speaks of.
type Class struct {
	Code string // a capital letter
	Name lang.Texts
}

// Grades returns the levels and the classes that the union has.
func Grades(ctx context.Context, db postgres.DB) (levels []Level, classes []Class, err error) {
	rows, err := db.Query(ctx, `SELECT level, name FROM mark_levels ORDER BY level`)
	if err != nil {
		return nil, nil, fmt.Errorf("mark: levels: %w", err)
	}
	if levels, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Level]); err != nil {
		return nil, nil, fmt.Errorf("mark: levels: %w", err)
	}
	if rows, err = db.Query(ctx, `SELECT code, name FROM mark_classes ORDER BY code`); err != nil {
		return nil, nil, fmt.Errorf("mark: classes: %w", err)
	}
	if classes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Class]); err != nil {
		return nil, nil, fmt.Errorf("mark: classes: %w", err)
	}
	return levels, classes, nil
}

// SetGrades names the union's levels and classes, and adds those that it did not
// have. Every page that shows a mark is made anew. It returns faults beside the
// fields level_1_fr, class_A_fr and so on.
func SetGrades(ctx context.Context, tx pgx.Tx, levels []Level, classes []Class, by identity.AccountID) error {
	var f fault.Form
	clean := func(field string, texts lang.Texts) lang.Texts {
		kept := lang.Texts{}
		for code, w := range texts {
			if w = strings.Join(strings.Fields(w), " "); w != "" {
				kept[code] = w
			}
			if len([]rune(w)) > 60 {
				f.Wrong(field+"_"+code, "mark.too_long", 60)
			}
		}
		if len(kept) == 0 {
			f.Wrong(field+"_fr", "moderation.no_text")
		}
		return kept
	}
	for i := range levels {
		levels[i].Name = clean(fmt.Sprintf("level_%d", levels[i].Level), levels[i].Name)
	}
	for i := range classes {
		classes[i].Name = clean("class_"+classes[i].Code, classes[i].Name)
	}
	if err := f.Err(); err != nil {
		return err
	}
	oldLevels, oldClasses, err := Grades(ctx, tx)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	for _, v := range levels {
		b.Queue(`INSERT INTO mark_levels (level, name) VALUES ($1, $2) ON CONFLICT (level) DO UPDATE SET name = $2`, v.Level, v.Name)
	}
	for _, v := range classes {
		b.Queue(`INSERT INTO mark_classes (code, name) VALUES ($1, $2) ON CONFLICT (code) DO UPDATE SET name = $2`, v.Code, v.Name)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("mark: set grades: %w", err)
	}
	if err := postgres.Notify(ctx, tx, union.Everywhere); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "mark.grades_named", Subject: "mark:grades",
		Before: map[string]any{"levels": oldLevels, "classes": oldClasses}, After: map[string]any{"levels": levels, "classes": classes}})
}

// AreKin reports whether two artisans are family.
func AreKin(ctx context.Context, db postgres.DB, a, b union.ArtisanID) (yes bool, err error) {
	if a == 0 || b == 0 {
		return false, nil
	}
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM kin WHERE artisan_id = least($1::bigint, $2) AND other_id = greatest($1::bigint, $2))`, a, b).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("mark: kin: %w", err)
	}
	return yes, nil
}

// KinOf returns those who are family of an artisan, by name; their key, slug and
// names alone.
func KinOf(ctx context.Context, db postgres.DB, a union.ArtisanID) ([]union.Artisan, error) {
	rows, err := db.Query(ctx, `
		SELECT a.id, a.slug, a.name, a.name_ar
		FROM kin k
		JOIN artisans a ON a.id = CASE WHEN k.artisan_id = $1 THEN k.other_id ELSE k.artisan_id END
		WHERE k.artisan_id = $1 OR k.other_id = $1
		ORDER BY a.name
		LIMIT 50`, a)
	if err != nil {
		return nil, fmt.Errorf("mark: kin: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanName)
	if err != nil {
		return nil, fmt.Errorf("mark: kin: %w", err)
	}
	return list, nil
}

// DeclareKin writes down that two artisans are family: a member says so of
// themselves, and an administrator of anyone. What they have said of each other's
// mark so far no longer counts. Said twice, it is said once. It returns
// identity.ErrForbidden, or a fault beside the field kin for someone and
// themselves.
func DeclareKin(ctx context.Context, tx pgx.Tx, j Judge, a, b union.Artisan, at time.Time) error {
	if !j.All && j.Own != a.ID && j.Own != b.ID {
		return identity.ErrForbidden
	}
	if a.ID == b.ID {
		var f fault.Form
		f.Wrong("kin", "mark.kin.self")
		return f.Err()
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO kin (artisan_id, other_id, declared_by, declared_at)
		VALUES (least($1::bigint, $2), greatest($1::bigint, $2), $3, $4)
		ON CONFLICT DO NOTHING`, a.ID, b.ID, j.Account, at)
	if err != nil {
		return fmt.Errorf("mark: declare kin: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	err = identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: "kin.declared", Subject: "artisan:" + a.Slug, After: map[string]string{"kin": b.Slug}})
	if err != nil {
		return err
	}
	// Where nobody else is left to ask, that is the end of it.
	rows, err := tx.Query(ctx, `SELECT ref FROM marks WHERE artisan_id IN ($1, $2) AND state = 'proposed' ORDER BY id FOR UPDATE`, a.ID, b.ID)
	if err != nil {
		return fmt.Errorf("mark: declare kin: %w", err)
	}
	return settleAll(ctx, tx, rows, j.Account, at)
}

// RemoveKin takes back what was written down by mistake; only an administrator
// does. Done twice, it is done once. It returns identity.ErrForbidden.
func RemoveKin(ctx context.Context, tx pgx.Tx, j Judge, a, b union.Artisan) error {
	if !j.All {
		return identity.ErrForbidden
	}
	tag, err := tx.Exec(ctx, `DELETE FROM kin WHERE artisan_id = least($1::bigint, $2) AND other_id = greatest($1::bigint, $2)`, a.ID, b.ID)
	if err != nil {
		return fmt.Errorf("mark: remove kin: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: "kin.removed", Subject: "artisan:" + a.Slug, Before: map[string]string{"kin": b.Slug}})
}

// mostMembers bounds the members of one committee that are listed.
const mostMembers = 200

// Members returns who sits in the committee of a trade, by name; their key, slug
// and names alone.
func Members(ctx context.Context, db postgres.DB, t union.TradeID) ([]union.Artisan, error) {
	rows, err := db.Query(ctx, `
		SELECT a.id, a.slug, a.name, a.name_ar
		FROM trades t
		JOIN committee_members m ON m.committee_id = t.committee_id
		JOIN artisans a ON a.id = m.artisan_id
		WHERE t.id = $1
		ORDER BY a.name
		LIMIT $2`, t, mostMembers)
	if err != nil {
		return nil, fmt.Errorf("mark: members: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanName)
	if err != nil {
		return nil, fmt.Errorf("mark: members: %w", err)
	}
	return list, nil
}

func scanName(row pgx.CollectableRow) (union.Artisan, error) {
	var a union.Artisan
	err := row.Scan(&a.ID, &a.Slug, &a.Name, &a.NameArabic)
	return a, err
}
