package checkout

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Messages are what the office writes to buyers about, each with words of its
// own in every language; "own" has none but the writer's.
var Messages = []string{"late", "question", "ready", "own"}

// ErrNoMessage is returned for a message that is not one of Messages.
var ErrNoMessage = fault.New(fault.Invalid, "admin.message.choose")

// Write sends the buyer of an order a message: what it is about in the buyer's
// language, and the writer's own words as they are. It returns order.ErrNoOrder,
// ErrNoMessage, order.ErrNoWords or order.ErrManyWords.
func (d *Desk) Write(ctx context.Context, number, about, words string, by identity.AccountID) error {
	if !slices.Contains(Messages, about) {
		return ErrNoMessage
	}
	if about == "own" || words != "" {
		var err error
		if words, err = order.Words(words); err != nil {
			return err
		}
	}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumber(ctx, tx, number)
		if err != nil {
			return err
		}
		err = d.toBuyer(ctx, tx, o, "message/"+rand.Text(), func(m *OrderLetter, l *lang.Language, _ union.Profile) string {
			m.Lines, m.HasTotal, m.Address = nil, false, nil
			m.Heading, m.Intro, m.Foot = l.T("mail.message.heading", o.Number), l.T("mail.message."+about), words
			if about == "own" {
				m.Intro, m.Foot = words, ""
			}
			return l.T("mail.message.subject", o.Number)
		})
		if err != nil {
			return err
		}
		return order.Note(ctx, tx, o.ID, "message", by, map[string]any{"about": about, "words": words})
	})
}
