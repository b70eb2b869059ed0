package union

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
)

// Amend changes the union's profile: change is given what it is, with no one
// else changing it meanwhile. It returns ErrNotFounded, and change's error.
func Amend(ctx context.Context, tx pgx.Tx, change func(*Profile) error) error {
	if _, err := tx.Exec(ctx, `SELECT FROM union_profile FOR UPDATE`); err != nil {
		return fmt.Errorf("union: amend: %w", err)
	}
	p, err := Read(ctx, tx)
	if err != nil {
		return err
	}
	if err := change(&p); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		UPDATE union_profile
		SET name = $1, market = $2, tagline = $3, about = $4, principles = $5, timeline = $6, faq = $7, founded = $8, commission_bp = $9,
		    commission_note = $10, address = $11, email = $12, phone = $13, legal = $14, counter_hours = $15, hold_minutes = $16,
		    cash_hold_days = $17, withdrawal_days = $18, packing_days = $19, notice = $20, cover_product = $21, front_products = $22`,
		p.Name, p.Market, p.Tagline, p.About, asJSON(p.Principles), asJSON(p.Timeline), asJSON(p.FAQ), p.Founded, p.CommissionBP,
		p.CommissionNote, p.Address, p.Email, p.Phone, p.Legal, p.CounterHours, int(p.Hold/time.Minute),
		int(p.CashHold/(24*time.Hour)), p.WithdrawalDays, p.PackingDays, p.Notice, p.CoverProduct, nonNil(p.FrontProducts))
	if err != nil {
		return fmt.Errorf("union: amend: %w", err)
	}
	return postgres.Notify(ctx, tx, Everywhere)
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// SetLogo gives the union another sign, or with 0 none, and logs it.
func SetLogo(ctx context.Context, tx pgx.Tx, logo media.PictureID, by identity.AccountID) error {
	var before media.PictureID
	err := tx.QueryRow(ctx, `
		UPDATE union_profile p
		SET logo = nullif($1::bigint, 0)
		FROM (SELECT logo FROM union_profile FOR UPDATE) AS old
		RETURNING coalesce(old.logo, 0)`, logo).Scan(&before)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFounded
	}
	if err != nil {
		return fmt.Errorf("union: set logo: %w", err)
	}
	if err := postgres.Notify(ctx, tx, Everywhere); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "union.logo_set", Subject: "union:logo", Before: before, After: logo})
}

// A CommissionRate is the union's share of a sale from a day on.
type CommissionRate struct {
	Trade TradeID // 0 for every trade without one of its own
	From  string  // ISO 8601
	BP    int     // basis points
}

// CommissionOf returns the union's share of a trade's sale on the day of t, in
// basis points: the trade's own rate, or else that of all, or else the one that
// the union began with.
func (p Profile) CommissionOf(trade TradeID, t time.Time) int {
	day, bp, own := t.In(p.Location).Format(time.DateOnly), p.CommissionBP, false
	for _, r := range p.Commissions { // Ascending by day.
		if r.From > day || r.Trade != 0 && r.Trade != trade || own && r.Trade == 0 {
			continue
		}
		bp, own = r.BP, r.Trade != 0
	}
	return bp
}

// SetCommission writes all rates of a trade, or with 0 those of every trade that
// has none of its own.
func SetCommission(ctx context.Context, tx pgx.Tx, trade TradeID, rates []CommissionRate) error {
	if _, err := tx.Exec(ctx, `DELETE FROM commission_rates WHERE trade_id IS NOT DISTINCT FROM nullif($1::bigint, 0)`, trade); err != nil {
		return fmt.Errorf("union: set commission: %w", err)
	}
	for _, r := range rates {
		_, err := tx.Exec(ctx, `INSERT INTO commission_rates (trade_id, from_day, rate_bp) VALUES (nullif($1::bigint, 0), $2::text::date, $3)`, trade, r.From, r.BP)
		if err != nil {
			return fmt.Errorf("union: set commission: %w", err)
		}
	}
	return postgres.Notify(ctx, tx, Everywhere)
}

// SaveQuarter changes what a quarter says, by its slug.
func SaveQuarter(ctx context.Context, tx pgx.Tx, q Quarter) error {
	return change(ctx, tx, "quarter "+q.Slug, `
		UPDATE quarters
		SET name = $2, description = $3, latitude = $4, longitude = $5, in_medina = $6, sort = $7
		WHERE slug = $1`, q.Slug, q.Name, q.Description, q.Latitude, q.Longitude, q.InMedina, q.Sort)
}

// SaveTrade changes what a trade says, by its slug.
func SaveTrade(ctx context.Context, tx pgx.Tx, t Trade) error {
	return change(ctx, tx, "trade "+t.Slug, `
		UPDATE trades
		SET committee_id = $2, name = $3, description = $4, process = $5, sort = $6
		WHERE slug = $1`, t.Slug, t.Committee, t.Name, t.Description, asJSON(t.Process), t.Sort)
}

// SaveCommittee changes what a committee says, by its slug.
func SaveCommittee(ctx context.Context, tx pgx.Tx, c Committee) error {
	return change(ctx, tx, "committee "+c.Slug, `UPDATE committees SET name = $2, mission = $3, meets = $4 WHERE slug = $1`,
		c.Slug, c.Name, c.Mission, c.Meets)
}

// RemoveQuarter, RemoveTrade and RemoveCommittee take away what nothing needs;
// PostgreSQL refuses the others.
func RemoveQuarter(ctx context.Context, tx pgx.Tx, slug string) error {
	return change(ctx, tx, "quarter "+slug, `DELETE FROM quarters WHERE slug = $1`, slug)
}

// RemoveTrade is described with RemoveQuarter.
func RemoveTrade(ctx context.Context, tx pgx.Tx, slug string) error {
	return change(ctx, tx, "trade "+slug, `DELETE FROM trades WHERE slug = $1`, slug)
}

// RemoveCommittee is described with RemoveQuarter.
func RemoveCommittee(ctx context.Context, tx pgx.Tx, slug string) error {
	return change(ctx, tx, "committee "+slug, `DELETE FROM committees WHERE slug = $1`, slug)
}

// change writes one record that every page may show.
func change(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() != 1 {
		err = errors.New("no such row")
	}
	if err != nil {
		return fmt.Errorf("union: change %s: %w", what, err)
	}
	return postgres.Notify(ctx, tx, Everywhere)
}

// Needs counts what needs a quarter, a trade or a committee, by its slug.
type Needs struct{ Artisans, Trades, Members int }

// QuarterNeeds counts the artisans of a quarter.
func QuarterNeeds(ctx context.Context, db postgres.DB, slug string) (n Needs, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM artisans a JOIN quarters q ON q.id = a.quarter_id WHERE q.slug = $1`, slug).Scan(&n.Artisans)
	if err != nil {
		return Needs{}, fmt.Errorf("union: what needs quarter %s: %w", slug, err)
	}
	return n, nil
}

// TradeNeeds counts the artisans of a trade.
func TradeNeeds(ctx context.Context, db postgres.DB, slug string) (n Needs, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM artisans a JOIN trades t ON t.id = a.trade_id WHERE t.slug = $1`, slug).Scan(&n.Artisans)
	if err != nil {
		return Needs{}, fmt.Errorf("union: what needs trade %s: %w", slug, err)
	}
	return n, nil
}

// CommitteeNeeds counts the trades and the members of a committee.
func CommitteeNeeds(ctx context.Context, db postgres.DB, slug string) (n Needs, err error) {
	err = db.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM trades t WHERE t.committee_id = c.id), (SELECT count(*) FROM committee_members m WHERE m.committee_id = c.id)
		FROM committees c
		WHERE c.slug = $1`, slug).Scan(&n.Trades, &n.Members)
	if errors.Is(err, pgx.ErrNoRows) {
		return Needs{}, nil
	}
	if err != nil {
		return Needs{}, fmt.Errorf("union: what needs committee %s: %w", slug, err)
	}
	return n, nil
}
