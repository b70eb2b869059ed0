package union

import (
	"context"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
)

// FarFromQuarter is how far from the middle of its quarter a workshop may be, in
// metres: villages are wide, and a place in another town is a mistake.
const FarFromQuarter = 3000

// quarterOf returns the quarter of a key.
func quarterOf(ctx context.Context, tx pgx.Tx, is func(Quarter) bool) (Quarter, bool, error) {
	all, err := Quarters(ctx, tx)
	if err != nil {
		return Quarter{}, false, err
	}
	i := slices.IndexFunc(all, is)
	if i < 0 {
		return Quarter{}, false, nil
	}
	return all[i], true, nil
}

// SetQuarter moves a workshop to another of the union's quarters, by its slug. A
// place on the map that is not there moves to the quarter's middle. It returns a
// fault beside the field quarter. What is found by the quarter's name is the
// caller's to refresh.
func SetQuarter(ctx context.Context, tx pgx.Tx, a Artisan, slug string, by identity.AccountID) error {
	q, ok, err := quarterOf(ctx, tx, func(q Quarter) bool { return q.Slug == slug })
	if err != nil {
		return err
	}
	if !ok {
		var f fault.Form
		f.Wrong("quarter", "studio.choose")
		return f.Err()
	}
	latitude, longitude := a.Latitude, a.Longitude
	if latitude != nil && longitude != nil && metres(*latitude, *longitude, q.Latitude, q.Longitude) > FarFromQuarter {
		latitude, longitude = &q.Latitude, &q.Longitude
	}
	return changeWorkshop(ctx, tx, a, by, "quarter", `
		UPDATE artisans
		SET quarter_id = $2, latitude = $3, longitude = $4
		WHERE id = $1`, q.ID, latitude, longitude)
}

// SetPlace puts a workshop on the map, in WGS 84 degrees. It returns a fault
// beside the field place for what is further than FarFromQuarter from the
// workshop's quarter.
func SetPlace(ctx context.Context, tx pgx.Tx, a Artisan, latitude, longitude float64, by identity.AccountID) error {
	q, ok, err := quarterOf(ctx, tx, func(q Quarter) bool { return q.ID == a.Quarter })
	if err != nil {
		return err
	}
	// What is no number is not within any distance either.
	if !ok || !(metres(latitude, longitude, q.Latitude, q.Longitude) <= FarFromQuarter) {
		var f fault.Form
		f.Wrong("place", "studio.place.far")
		return f.Err()
	}
	return changeWorkshop(ctx, tx, a, by, "place", `UPDATE artisans SET latitude = $2, longitude = $3 WHERE id = $1`, latitude, longitude)
}

// HidePlace takes a workshop off the map: many are homes.
func HidePlace(ctx context.Context, tx pgx.Tx, a Artisan, by identity.AccountID) error {
	return changeWorkshop(ctx, tx, a, by, "place", `UPDATE artisans SET latitude = NULL, longitude = NULL WHERE id = $1`)
}

// metres is the distance between two positions, near enough within a town.
func metres(lat1, lon1, lat2, lon2 float64) float64 {
	const perDegree = 111_320
	north := (lat2 - lat1) * perDegree
	east := (lon2 - lon1) * perDegree * math.Cos((lat1+lat2)/2*math.Pi/180)
	return math.Hypot(north, east)
}
