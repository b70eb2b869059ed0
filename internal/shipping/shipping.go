// Package shipping knows what it costs to send a parcel where, when it
// arrives, and about what a dirham is worth there.
package shipping

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
)

// Tag is that of pages that say what postage or a foreign price is; see
// postgres.Notify.
const Tag = "shipping"

// A Zone is countries that cost the same to send to.
type Zone struct {
	Slug     string
	Name     lang.Texts
	Carrier  string
	Tracking string // the carrier's page for one parcel, {number} standing for its own; may be empty
	MinDays  int    // in transit
	MaxDays  int
	FreeOver money.Amount // of pieces, zero for never
	Bands    []Band       // ascending
	Sort     int
}

// A Band is the postage up to a weight.
type Band struct {
	MaxGrams int
	Price    money.Amount
}

// A Country is somewhere parcels go.
type Country struct {
	Code string // ISO 3166-1
	Zone string // slug
	EU   bool
}

var (
	// ErrNoCountry is returned for a country that parcels do not go to.
	ErrNoCountry = fault.New(fault.Invalid, "checkout.no_country")
	// ErrElsewhere is returned for a country that another zone has.
	ErrElsewhere = fault.New(fault.Invalid, "settings.country_elsewhere")
	// ErrTooHeavy is returned for a parcel beyond the last band, which can only
	// be collected.
	ErrTooHeavy = fault.New(fault.Invalid, "checkout.too_heavy")
)

// Zones returns all zones with their bands, and all countries.
func Zones(ctx context.Context, db postgres.DB) (zones []Zone, countries []Country, err error) {
	rows, err := db.Query(ctx, `
		SELECT z.slug, z.name, z.carrier, z.tracking_url, z.transit_min_days, z.transit_max_days, coalesce(z.free_over_minor, 0), z.sort,
		       ARRAY(SELECT b.max_g FROM shipping_bands b WHERE b.zone_id = z.id ORDER BY b.max_g),
		       ARRAY(SELECT b.price_minor FROM shipping_bands b WHERE b.zone_id = z.id ORDER BY b.max_g)
		FROM shipping_zones z
		ORDER BY z.sort`)
	if err != nil {
		return nil, nil, fmt.Errorf("shipping: zones: %w", err)
	}
	zones, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Zone, error) {
		var z Zone
		var grams []int
		var prices []int64
		err := row.Scan(&z.Slug, &z.Name, &z.Carrier, &z.Tracking, &z.MinDays, &z.MaxDays, &z.FreeOver.Minor, &z.Sort, &grams, &prices)
		z.FreeOver.Currency = money.MAD
		for i := range grams {
			z.Bands = append(z.Bands, Band{grams[i], money.Centimes(prices[i])})
		}
		return z, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("shipping: zones: %w", err)
	}
	rows, err = db.Query(ctx, `
		SELECT c.country, z.slug, c.eu
		FROM shipping_countries c
		JOIN shipping_zones z ON z.id = c.zone_id
		ORDER BY z.sort, c.country`)
	if err != nil {
		return nil, nil, fmt.Errorf("shipping: countries: %w", err)
	}
	countries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Country, error) {
		var c Country
		err := row.Scan(&c.Code, &c.Zone, &c.EU)
		return c, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("shipping: countries: %w", err)
	}
	return zones, countries, nil
}

// Postage returns what a parcel of that packed weight costs in the zone, given
// what the pieces in it cost, or ErrTooHeavy.
func (z Zone) Postage(grams int, pieces money.Amount) (money.Amount, error) {
	i, _ := slices.BinarySearchFunc(z.Bands, grams, func(b Band, g int) int { return b.MaxGrams - g })
	if i == len(z.Bands) {
		return money.Amount{}, ErrTooHeavy
	}
	if !z.FreeOver.IsZero() && pieces.Compare(z.FreeOver) >= 0 {
		return money.Centimes(0), nil
	}
	return z.Bands[i].Price, nil
}

// A Carrier is who takes parcels, and where they tell of one.
type Carrier struct {
	Name     string
	Tracking string // the page for one parcel, {number} standing for its own; may be empty
}

// Track returns the address where the carrier tells of a parcel, empty where
// there is no such page.
func (c Carrier) Track(number string) string {
	return strings.ReplaceAll(c.Tracking, "{number}", url.QueryEscape(number))
}

// Carriers returns all carriers, by name.
func Carriers(ctx context.Context, db postgres.DB) ([]Carrier, error) {
	rows, err := db.Query(ctx, `SELECT carrier, max(tracking_url) FROM shipping_zones GROUP BY carrier ORDER BY carrier`)
	if err != nil {
		return nil, fmt.Errorf("shipping: carriers: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Carrier])
	if err != nil {
		return nil, fmt.Errorf("shipping: carriers: %w", err)
	}
	return list, nil
}

// Arrival returns the day by which a parcel arrives at the latest, if the
// pieces are ready on a day and the union then packs for so many days. The
// post does not carry on Sundays, so a Sunday becomes the Monday after.
func (z Zone) Arrival(ready time.Time, packingDays int) time.Time {
	return notSunday(ready.AddDate(0, 0, packingDays+z.MaxDays))
}

func notSunday(t time.Time) time.Time {
	if t.Weekday() == time.Sunday {
		return t.AddDate(0, 0, 1)
	}
	return t
}

// A Rate is about what another currency is worth, as of a day.
type Rate struct {
	money.Rate
	Date time.Time
}

// Rates returns the exchange rates for approximate prices.
func Rates(ctx context.Context, db postgres.DB) ([]Rate, error) {
	rows, err := db.Query(ctx, `SELECT currency, per_unit, on_date FROM exchange_rates ORDER BY currency`)
	if err != nil {
		return nil, fmt.Errorf("shipping: rates: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Rate, error) {
		var r Rate
		err := row.Scan(&r.Currency, &r.PerUnit, &r.Date)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("shipping: rates: %w", err)
	}
	return list, nil
}

// AddZone writes a zone with its bands and countries.
func AddZone(ctx context.Context, tx pgx.Tx, z Zone, countries []Country) error {
	if len(z.Bands) == 0 {
		return errors.New("shipping: a zone without bands")
	}
	var id int64
	err := tx.QueryRow(ctx, `
		INSERT INTO shipping_zones (slug, name, carrier, tracking_url, transit_min_days, transit_max_days, free_over_minor, sort)
		VALUES ($1, $2, $3, $4, $5, $6, nullif($7::bigint, 0), $8)
		RETURNING id`, z.Slug, z.Name, z.Carrier, z.Tracking, z.MinDays, z.MaxDays, z.FreeOver.Minor, z.Sort).Scan(&id)
	if err != nil {
		return fmt.Errorf("shipping: add zone %s: %w", z.Slug, err)
	}
	b := &pgx.Batch{}
	queueParts(b, id, z, countries)
	return sendParts(ctx, tx, z, b)
}

// SaveZone changes a zone, by its slug, with its bands and countries. It returns
// ErrElsewhere where another zone has one of the countries.
func SaveZone(ctx context.Context, tx pgx.Tx, z Zone, countries []Country) error {
	var id int64
	err := tx.QueryRow(ctx, `
		UPDATE shipping_zones
		SET name = $2, carrier = $3, tracking_url = $4, transit_min_days = $5, transit_max_days = $6, free_over_minor = nullif($7::bigint, 0), sort = $8
		WHERE slug = $1
		RETURNING id`, z.Slug, z.Name, z.Carrier, z.Tracking, z.MinDays, z.MaxDays, z.FreeOver.Minor, z.Sort).Scan(&id)
	if err != nil {
		return fmt.Errorf("shipping: save zone %s: %w", z.Slug, err)
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM shipping_bands WHERE zone_id = $1`, id)
	b.Queue(`DELETE FROM shipping_countries WHERE zone_id = $1`, id)
	queueParts(b, id, z, countries)
	return sendParts(ctx, tx, z, b)
}

// RemoveZone takes a zone away, and with it its countries: parcels no longer go
// there.
func RemoveZone(ctx context.Context, tx pgx.Tx, slug string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM shipping_zones WHERE slug = $1`, slug); err != nil {
		return fmt.Errorf("shipping: remove zone %s: %w", slug, err)
	}
	return postgres.Notify(ctx, tx, Tag)
}

func queueParts(b *pgx.Batch, zone int64, z Zone, countries []Country) {
	for _, band := range z.Bands {
		b.Queue(`INSERT INTO shipping_bands (zone_id, max_g, price_minor) VALUES ($1, $2, $3)`, zone, band.MaxGrams, band.Price.Minor)
	}
	for _, c := range countries {
		b.Queue(`INSERT INTO shipping_countries (country, zone_id, eu) VALUES ($1, $2, $3)`, c.Code, zone, c.EU)
	}
}

func sendParts(ctx context.Context, tx pgx.Tx, z Zone, b *pgx.Batch) error {
	err := tx.SendBatch(ctx, b).Close()
	if postgres.IsUnique(err, "shipping_countries_pkey") {
		return ErrElsewhere
	}
	if err != nil {
		return fmt.Errorf("shipping: zone %s: %w", z.Slug, err)
	}
	return postgres.Notify(ctx, tx, Tag)
}

// SetRate writes an exchange rate, in place of an older one.
func SetRate(ctx context.Context, tx pgx.Tx, r Rate) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO exchange_rates (currency, per_unit, on_date)
		VALUES ($1, $2, $3)
		ON CONFLICT (currency) DO UPDATE SET per_unit = EXCLUDED.per_unit, on_date = EXCLUDED.on_date`,
		r.Currency, r.PerUnit, r.Date)
	if err != nil {
		return fmt.Errorf("shipping: set rate of %s: %w", r.Currency, err)
	}
	return postgres.Notify(ctx, tx, Tag)
}

// RemoveRate takes a currency away: prices are no longer told in it.
func RemoveRate(ctx context.Context, tx pgx.Tx, currency string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM exchange_rates WHERE currency = $1`, currency); err != nil {
		return fmt.Errorf("shipping: remove rate of %s: %w", currency, err)
	}
	return postgres.Notify(ctx, tx, Tag)
}
