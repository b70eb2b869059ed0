package checkout

import (
	"context"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// SignsArgs is the job that takes pieces off the market when holidays begin,
// and puts them back on the day after.
type SignsArgs struct{}

func (SignsArgs) Kind() string { return "turn_signs" }

// TurnSigns calls union.TurnSigns with the day that it is where the union is.
func (d *Desk) TurnSigns(ctx context.Context) error {
	profile, err := union.Read(ctx, d.Pool)
	if err != nil {
		return err
	}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		return union.TurnSigns(ctx, tx, d.Now().In(profile.Location))
	})
}
