package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Hear stores a provider's message once and queues what it asks for. It is all
// that happens before the provider has its answer.
func (d *Desk) Hear(ctx context.Context, e payment.Event) error {
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		news, err := payment.Keep(ctx, tx, e)
		if err != nil || !news {
			return err
		}
		if e.Kind == payment.EventIgnored {
			return payment.Applied(ctx, tx, e.Provider, e.ID, "ignored")
		}
		_, err = d.Jobs.InsertTx(ctx, tx, ApplyArgs{
			Provider: e.Provider, Event: e.ID, Ref: e.Ref, Intent: e.Intent, Token: e.PaymentToken}, nil)
		if err != nil {
			return fmt.Errorf("checkout: queue event: %w", err)
		}
		return nil
	})
}

// Apply looks up what a message is about and settles that payment. Whether the
// message came twice, late or out of order does not matter: the provider is
// asked how things stand now.
func (d *Desk) Apply(ctx context.Context, a ApplyArgs) error {
	p, err := d.find(ctx, a)
	if errors.Is(err, payment.ErrNoRecord) {
		// Another shop on the same account, or a payment of a former life.
		d.Log.WarnContext(ctx, "a provider's message is about no payment of ours", "provider", a.Provider, "event", a.Event)
		return payment.Applied(ctx, d.Pool, a.Provider, a.Event, "not ours")
	}
	if err != nil {
		return err
	}
	if err := d.Settle(ctx, p.ID); err != nil {
		return err
	}
	return payment.Applied(ctx, d.Pool, a.Provider, a.Event, "settled")
}

func (d *Desk) find(ctx context.Context, a ApplyArgs) (payment.Record, error) {
	for _, try := range []struct {
		by    func(context.Context, postgres.DB, string) (payment.Record, error)
		value string
	}{{payment.ByRef, a.Ref}, {payment.ByToken, a.Token}, {payment.ByIntent, a.Intent}} {
		if try.value == "" {
			continue
		}
		p, err := try.by(ctx, d.Pool, try.value)
		if !errors.Is(err, payment.ErrNoRecord) {
			return p, err
		}
	}
	return payment.Record{}, payment.ErrNoRecord
}

// settleNow settles a payment on the way to a page, where it turned out that
// the money is there already.
func (d *Desk) settleNow(ctx context.Context, p payment.Record) error {
	if err := d.Settle(ctx, p.ID); err != nil {
		return err
	}
	return ErrNotPayable
}

// Settle asks the provider what became of a payment and makes it so here. It
// may run any number of times.
func (d *Desk) Settle(ctx context.Context, id payment.RecordID) error {
	p, err := payment.ByID(ctx, d.Pool, id)
	if err != nil {
		return err
	}
	ref := p.Ref
	if ref == "" {
		return nil // It was never opened.
	}
	status, err := d.Provider.Look(ctx, ref)
	if err != nil {
		return fmt.Errorf("checkout: look at payment %d: %w", id, err)
	}
	switch status.State {
	case payment.Paid:
		return d.paid(ctx, p, status)
	case payment.Expired, payment.Failed:
		return d.unpaid(ctx, p, status.State)
	}
	return nil
}

// unpaid closes a payment that will bring nothing. Its order keeps its pieces
// until its own time is up: the buyer may begin another payment.
func (d *Desk) unpaid(ctx context.Context, p payment.Record, as payment.State) error {
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		if _, err := order.Lock(ctx, tx, p.Order); err != nil {
			return err
		}
		return payment.Close(ctx, tx, p.ID, as)
	})
}

// paid books money that has come in, once. Where the order still waits for it,
// or can be had again, the order is paid; otherwise the money goes straight
// back.
func (d *Desk) paid(ctx context.Context, p payment.Record, s payment.Status) error {
	if s.Amount != p.Amount {
		return fmt.Errorf("checkout: payment %d took %v instead of %v", p.ID, s.Amount, p.Amount)
	}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.Lock(ctx, tx, p.Order)
		if err != nil {
			return err
		}
		at := s.PaidAt
		if at.IsZero() {
			at = d.Now()
		}
		news, err := payment.Take(ctx, tx, p.ID, s.Intent, at)
		if err != nil {
			return err
		}
		if news {
			if err := d.receive(ctx, tx, o, p, at); err != nil {
				return err
			}
		}
		return d.keepFee(ctx, tx, o, p, s.Fee)
	})
}

// receive decides what a payment that has just come in is for.
func (d *Desk) receive(ctx context.Context, tx pgx.Tx, o order.Order, p payment.Record, at time.Time) error {
	pieces := wanted(o.Lines)
	switch o.State {
	case order.Pending:
		if err := sellHeld(ctx, tx, o.ID); err != nil {
			return err
		}
		return d.complete(ctx, tx, o, p, at)
	case order.Expired:
		// The hold had lapsed. A savepoint keeps what was done so far when the
		// pieces are gone.
		err := pgx.BeginFunc(ctx, tx, func(sp pgx.Tx) error {
			if err := hold(ctx, sp, o.ID, pieces, at); err != nil {
				return err
			}
			return sellHeld(ctx, sp, o.ID)
		})
		switch {
		case err == nil:
			return d.complete(ctx, tx, o, p, at)
		case !errors.Is(err, catalog.ErrSoldOut):
			return err
		}
		if err := order.Move(ctx, tx, o.ID, order.Cancelled, at, order.Expired); err != nil {
			return err
		}
		return d.giveBack(ctx, tx, o, p, "sold_out")
	}
	// Paid twice, or paid after it was cancelled.
	return d.giveBack(ctx, tx, o, p, "not_owed")
}

// complete makes a paid order of one whose pieces have just been sold, and
// tells everyone who waits for that.
func (d *Desk) complete(ctx context.Context, tx pgx.Tx, o order.Order, p payment.Record, at time.Time) error {
	if err := order.Move(ctx, tx, o.ID, order.Paid, at, order.Pending, order.Expired); err != nil {
		return err
	}
	if err := d.book(ctx, tx, o, p); err != nil {
		return err
	}
	if err := tellOfLastOnes(ctx, tx, o); err != nil {
		return err
	}
	return d.tell(ctx, tx, o)
}

// tell tells everyone that an order is to be prepared, paid or to be paid at the
// counter, and has it taken out of its cart.
func (d *Desk) tell(ctx context.Context, tx pgx.Tx, o order.Order) error {
	for _, f := range o.Fulfilment {
		err := union.Tell(ctx, tx, f.Artisan, "order_paid", o.Number, map[string]any{"prepare_by": f.PrepareBy.Format(time.DateOnly)})
		if err != nil {
			return err
		}
	}
	if err := d.announce(ctx, tx, o); err != nil {
		return err
	}
	skus := make([]string, len(o.Lines))
	for i, l := range o.Lines {
		skus[i] = l.SKU
	}
	_, err := d.Jobs.InsertTx(ctx, tx, EmptyCartArgs{CartKey: o.CartKey[:], SKUs: skus}, nil)
	if err != nil {
		return fmt.Errorf("checkout: queue the cart: %w", err)
	}
	return nil
}

// tellOfLastOnes tells artisans of which pieces this order has left but one.
func tellOfLastOnes(ctx context.Context, tx pgx.Tx, o order.Order) error {
	variants := make([]catalog.VariantID, len(o.Lines))
	for i, l := range o.Lines {
		variants[i] = l.Variant
	}
	last, err := catalog.LastOnes(ctx, tx, variants)
	if err != nil {
		return err
	}
	for _, l := range o.Lines {
		if !slices.Contains(last, l.Variant) {
			continue
		}
		if err := union.Tell(ctx, tx, l.Artisan, "piece_nearly_gone", l.SKU+"/"+o.Number, map[string]any{"slug": l.Slug}); err != nil {
			return err
		}
	}
	return nil
}

// moneyAt is the ledger's account for a payment's money.
func moneyAt(p payment.Record) ledger.Account {
	if p.Provider == ProviderCash {
		return ledger.Cash
	}
	return ledger.Stripe
}

// book writes a sale: what came in, whose it is, line by line.
func (d *Desk) book(ctx context.Context, tx pgx.Tx, o order.Order, p payment.Record) error {
	maker := map[union.ArtisanID]string{}
	for _, f := range o.Fulfilment {
		maker[f.Artisan] = f.MakerSlug
	}
	t := ledger.Transaction{Key: fmt.Sprintf("payment/%s", p.Token), Kind: ledger.Payment, Reference: o.Number}
	t.Postings = append(t.Postings, ledger.Posting{Account: moneyAt(p), Amount: p.Amount})
	for _, l := range o.Lines {
		t.Postings = append(t.Postings,
			ledger.Posting{Account: ledger.Artisan(maker[l.Artisan]), Amount: l.ToArtisan.Negated(), Note: l.SKU},
			ledger.Posting{Account: ledger.Commission, Amount: l.Commission.Negated(), Note: l.SKU})
	}
	t.Postings = append(t.Postings, ledger.Posting{Account: ledger.Postage, Amount: o.Postage.Negated()})
	_, err := ledger.Book(ctx, tx, t)
	return err
}

// keepFee books what the provider kept, once it says so. A fee in another
// currency than the ledger's is for the treasurer's statement, not for here.
func (d *Desk) keepFee(ctx context.Context, tx pgx.Tx, o order.Order, p payment.Record, fee money.Amount) error {
	if fee.IsZero() || fee.Currency != p.Amount.Currency {
		return nil
	}
	news, err := payment.KeepFee(ctx, tx, p.ID, fee)
	if err != nil || !news {
		return err
	}
	_, err = ledger.Book(ctx, tx, ledger.Transaction{
		Key: "fee/" + p.Token, Kind: ledger.Fee, Reference: o.Number,
		Postings: []ledger.Posting{{Account: ledger.Fees, Amount: fee}, {Account: moneyAt(p), Amount: fee.Negated()}},
	})
	return err
}

// giveBack books money that came in for nothing as owed to its buyer, and
// queues its way back.
func (d *Desk) giveBack(ctx context.Context, tx pgx.Tx, o order.Order, p payment.Record, reason string) error {
	_, err := ledger.Book(ctx, tx, ledger.Transaction{
		Key: "payment/" + p.Token, Kind: ledger.Payment, Reference: o.Number,
		Postings: []ledger.Posting{{Account: moneyAt(p), Amount: p.Amount}, {Account: ledger.Buyers, Amount: p.Amount.Negated()}},
	})
	if err != nil {
		return err
	}
	refund, err := payment.BeginRefund(ctx, tx, p.ID, "back/"+p.Token, p.Amount, reason)
	if err != nil {
		return err
	}
	if err := order.Note(ctx, tx, o.ID, "given_back", 0, map[string]any{"reason": reason}); err != nil {
		return err
	}
	if err := d.regret(ctx, tx, o, reason); err != nil {
		return err
	}
	if _, err := d.Jobs.InsertTx(ctx, tx, RefundArgs{refund}, nil); err != nil {
		return fmt.Errorf("checkout: queue refund: %w", err)
	}
	return nil
}

// Refund has the provider give money back and books it. It may run any number
// of times: the key gives it once.
func (d *Desk) Refund(ctx context.Context, id payment.RefundID) error {
	r, err := payment.RefundByID(ctx, d.Pool, id)
	if err != nil {
		return err
	}
	if r.State == payment.RefundDone {
		return nil
	}
	p, err := payment.ByID(ctx, d.Pool, r.Payment)
	if err != nil {
		return err
	}
	o, err := order.ByID(ctx, d.Pool, p.Order)
	if err != nil {
		return err
	}
	got := payment.Refund{State: payment.RefundDone} // Cash is given back over the counter.
	if p.Provider != ProviderCash {
		got, err = d.Provider.Refund(ctx, payment.RefundRequest{
			Key: r.Key, Ref: p.Ref, Intent: p.Intent, Order: o.Number, PaymentToken: p.Token, Amount: r.Amount})
		if err != nil {
			return fmt.Errorf("checkout: refund %d: %w", id, err)
		}
	}
	if got.State == payment.RefundFailed {
		d.Log.ErrorContext(ctx, "a refund failed at the provider and needs a person", "order", o.Number, "refund", id)
	}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		if _, err := order.Lock(ctx, tx, o.ID); err != nil {
			return err
		}
		news, err := payment.FinishRefund(ctx, tx, id, got, d.Now())
		if err != nil || !news {
			return err
		}
		_, err = ledger.Book(ctx, tx, ledger.Transaction{
			Key: "refund/" + r.Key, Kind: ledger.Refund, Reference: o.Number,
			Postings: []ledger.Posting{{Account: ledger.Buyers, Amount: r.Amount}, {Account: moneyAt(p), Amount: r.Amount.Negated()}},
		})
		if err != nil {
			return err
		}
		return order.Note(ctx, tx, o.ID, "refund_done", 0, map[string]any{"minor": r.Amount.Minor})
	})
}

// Expire ends an order that nobody paid in its time and puts its pieces back.
// The provider's session is closed first; where it was paid in the last
// moment, the payment is settled instead.
func (d *Desk) Expire(ctx context.Context, id order.ID) error {
	o, err := order.ByID(ctx, d.Pool, id)
	if err != nil {
		return err
	}
	if o.State != order.Pending && o.State != order.Confirmed || d.Now().Before(o.PayBy) {
		return nil // Paid, replaced, or given more time.
	}
	open, err := d.openPayment(ctx, id)
	if err != nil {
		return err
	}
	if open != nil && open.Ref != "" {
		switch err := d.Provider.Expire(ctx, open.Ref); {
		case errors.Is(err, payment.ErrPaid):
			return d.Settle(ctx, open.ID)
		case err != nil && !errors.Is(err, payment.ErrNoSession):
			return fmt.Errorf("checkout: expire %s: %w", o.Number, err)
		}
	}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if o.State == order.Confirmed && !d.Now().Before(o.PayBy) {
			return d.lapse(ctx, tx, o)
		}
		if o.State != order.Pending || d.Now().Before(o.PayBy) {
			return nil
		}
		held, _, err := heldBy(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = d.drop(ctx, tx, id, held, order.Pending, order.Expired)
		return err
	})
}

// Reconcile asks about payments that have been open for long, in case their
// messages never came.
func (d *Desk) Reconcile(ctx context.Context) error {
	list, err := payment.LongOpen(ctx, d.Pool, d.Now().Add(-2*time.Minute), 200)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range list {
		switch err := d.Settle(ctx, p.ID); {
		case errors.Is(err, payment.ErrNoSession):
			// The demo's sandbox was emptied; a real provider does not forget.
			d.Log.WarnContext(ctx, "the provider does not know a payment of ours", "payment", p.ID)
			errs = append(errs, d.unpaid(ctx, p, payment.Failed))
		case err != nil:
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Jobs are shallow: each calls one function, which does no harm when it runs
// twice.

// ApplyArgs is the job of a provider's message.
type ApplyArgs struct {
	Provider string `json:"provider"`
	Event    string `json:"event"`
	Ref      string `json:"ref"`
	Intent   string `json:"intent"`
	Token    string `json:"token"`
}

func (ApplyArgs) Kind() string { return "payment_apply" }

// ExpireArgs is the job that ends an unpaid order.
type ExpireArgs struct {
	Order order.ID `json:"order"`
}

func (ExpireArgs) Kind() string { return "order_expire" }

// RefundArgs is the job that gives money back.
type RefundArgs struct {
	Refund payment.RefundID `json:"refund"`
}

func (RefundArgs) Kind() string { return "payment_refund" }

// ReconcileArgs is the job that asks about silent payments.
type ReconcileArgs struct{}

func (ReconcileArgs) Kind() string { return "payment_reconcile" }

// EmptyCartArgs is the job that takes what was bought out of its cart.
type EmptyCartArgs struct {
	CartKey []byte   `json:"cart_key"`
	SKUs    []string `json:"skus"`
}

func (EmptyCartArgs) Kind() string { return "cart_empty" }

// FoldArgs is the job that folds the sums of what was sold.
type FoldArgs struct{}

func (FoldArgs) Kind() string { return "sales_fold" }

// AddWorkers registers the desk's jobs.
func (d *Desk) AddWorkers(w *river.Workers) {
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[ApplyArgs]) error { return d.Apply(ctx, j.Args) }))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[ExpireArgs]) error { return d.Expire(ctx, j.Args.Order) }))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, _ *river.Job[FoldArgs]) error { return order.FoldSales(ctx, d.Pool) }))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[RefundArgs]) error { return d.Refund(ctx, j.Args.Refund) }))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[SignsArgs]) error { return d.TurnSigns(ctx) }))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[ReconcileArgs]) error { return d.Reconcile(ctx) }))
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, j *river.Job[EmptyCartArgs]) error {
		return d.Carts.Take(ctx, [32]byte(j.Args.CartKey), j.Args.SKUs)
	}))
}
