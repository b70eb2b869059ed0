package union

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// OfferLife is how long a link or a code for a helper works.
const OfferLife = time.Hour

// mostAsked bounds how many artisans one account may be waiting for.
const mostAsked = 5

// MostHelpers bounds how many people help one artisan, or are waiting to.
const MostHelpers = 10

var (
	// ErrNoOffer is returned for a link or a code that was used, has run out,
	// was replaced by a newer one, or never was.
	ErrNoOffer = fault.New(fault.NotFound, "helping.no_offer")
	// ErrOwnHelper is returned to an artisan who would help themselves.
	ErrOwnHelper = fault.New(fault.Conflict, "helping.own")
	// ErrHelpsAlready is returned to someone who is a helper already.
	ErrHelpsAlready = fault.New(fault.Conflict, "helping.already")
	// ErrManyHelpers is returned where there are MostHelpers, or where someone
	// waits for too many answers.
	ErrManyHelpers = fault.New(fault.Conflict, "helping.many")
	// ErrNoHelping is returned for a helping that is not there, or not any more.
	ErrNoHelping = fault.New(fault.NotFound, "error.not_found")
)

// A Helping is an account that acts for an artisan in the studio. Everything
// that it does is on record as done by the one for the other.
type Helping struct {
	Ref         string
	Helper      string // name
	HelperPhone string // E.164, may be empty
	Artisan     ArtisanID
	Slug        string
	Name        string
	NameArabic  string
	AskedAt     time.Time
	ConfirmedAt time.Time // zero until the artisan has said yes
	How         string    // studio, link, code, office; empty until then
}

// Confirmed reports whether the artisan has said yes.
func (h Helping) Confirmed() bool { return !h.ConfirmedAt.IsZero() }

// NameIn returns the artisan's name as readers of l write it.
func (h Helping) NameIn(l *lang.Language) lang.Text {
	name, _ := Artisan{Name: h.Name, NameArabic: h.NameArabic}.NameIn(l)
	return name
}

// An Offer lets one person become an artisan's helper: by the link, or by the
// code together with the artisan's phone number. It is shown once.
type Offer struct {
	Token string
	Code  string // six digits
	Until time.Time
}

func offerHash(token string) []byte {
	sum := sha256.Sum256([]byte("helping " + token))
	return sum[:]
}

func codeHash(a ArtisanID, code string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "helping code %d %s", a, code))
	return sum[:]
}

// OfferHelping makes a link and a code for whoever is to help an artisan, and
// ends those before. by is the artisan, or with atOffice the union's agent
// before whom the artisan stands.
func OfferHelping(ctx context.Context, tx pgx.Tx, a Artisan, by identity.AccountID, atOffice bool, now time.Time) (Offer, error) {
	if a.State == Left || a.State == Suspended {
		return Offer{}, ErrNoArtisan
	}
	_, err := tx.Exec(ctx, `
		UPDATE helping_offers
		SET revoked_at = $2
		WHERE artisan_id = $1 AND used_at IS NULL AND revoked_at IS NULL`, a.ID, now)
	if err != nil {
		return Offer{}, fmt.Errorf("union: end the old offer: %w", err)
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return Offer{}, fmt.Errorf("union: code: %w", err)
	}
	o := Offer{Token: strings.ToLower(rand.Text()), Code: fmt.Sprintf("%06d", n), Until: now.Add(OfferLife)}
	_, err = tx.Exec(ctx, `
		INSERT INTO helping_offers (artisan_id, account_id, at_office, token_hash, code_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, a.ID, by, atOffice, offerHash(o.Token), codeHash(a.ID, o.Code), now, o.Until)
	if err != nil {
		return Offer{}, fmt.Errorf("union: offer: %w", err)
	}
	return o, identity.Record(ctx, tx, identity.Entry{By: by, Action: "helping.offered", Subject: "artisan:" + a.Slug,
		After: map[string]any{"at_office": atOffice}})
}

// openOffer is the condition under which an offer o may be taken at $2.
const openOffer = `o.used_at IS NULL AND o.revoked_at IS NULL AND o.expires_at > $2`

// OfferedBy returns the artisan whom a link lets one help, or ErrNoOffer.
// Looking does not use the link up.
func OfferedBy(ctx context.Context, db postgres.DB, token string, now time.Time) (Artisan, error) {
	var id ArtisanID
	err := db.QueryRow(ctx, `
		SELECT o.artisan_id
		FROM helping_offers o
		WHERE o.token_hash = $1 AND `+openOffer, offerHash(token), now).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Artisan{}, ErrNoOffer
	}
	if err != nil {
		return Artisan{}, fmt.Errorf("union: offer: %w", err)
	}
	a, err := artisan(ctx, db, `a.id = $1 AND a.state NOT IN ('suspended', 'left')`, id)
	if errors.Is(err, ErrNoArtisan) {
		return Artisan{}, ErrNoOffer
	}
	return a, err
}

// TakeOffer uses a link up: from now on the account helps. It returns
// ErrNoOffer, ErrOwnHelper, ErrHelpsAlready or ErrManyHelpers.
func TakeOffer(ctx context.Context, tx pgx.Tx, token string, helper identity.AccountID, now time.Time) (Artisan, error) {
	a, err := OfferedBy(ctx, tx, token, now)
	if err != nil {
		return Artisan{}, err
	}
	return a, takeOffer(ctx, tx, a, `o.token_hash = $3`, offerHash(token), "link", helper, now)
}

// TakeCode is TakeOffer by the six digits and the artisan's phone number. The
// caller counts the tries.
func TakeCode(ctx context.Context, tx pgx.Tx, phone, code string, helper identity.AccountID, now time.Time) (Artisan, error) {
	code = strings.ReplaceAll(lang.WesternDigits(code), " ", "")
	ids, err := tx.Query(ctx, `
		SELECT o.artisan_id, a.phone
		FROM helping_offers o
		JOIN artisans a ON a.id = o.artisan_id
		WHERE a.state NOT IN ('suspended', 'left') AND right(regexp_replace(a.phone, '[^0-9]', '', 'g'), 6) = right($1, 6) AND `+openOffer, identity.Phone(phone), now)
	if err != nil {
		return Artisan{}, fmt.Errorf("union: code: %w", err)
	}
	var id ArtisanID
	var theirs string
	_, err = pgx.ForEachRow(ids, []any{&id, &theirs}, func() error { return nil })
	if err != nil {
		return Artisan{}, fmt.Errorf("union: code: %w", err)
	}
	if id == 0 || identity.Phone(phone) == "" || identity.Phone(theirs) != identity.Phone(phone) {
		return Artisan{}, ErrNoOffer
	}
	a, err := artisan(ctx, tx, `a.id = $1`, id)
	if err != nil {
		return Artisan{}, err
	}
	return a, takeOffer(ctx, tx, a, `o.code_hash = $3`, codeHash(id, code), "code", helper, now)
}

func takeOffer(ctx context.Context, tx pgx.Tx, a Artisan, which string, hash []byte, how string, helper identity.AccountID, now time.Time) error {
	if a.Account == helper {
		return ErrOwnHelper
	}
	var atOffice bool
	err := tx.QueryRow(ctx, `
		UPDATE helping_offers o
		SET used_at = $2
		WHERE o.artisan_id = $1 AND `+openOffer+` AND `+which+`
		RETURNING o.at_office`, a.ID, now, hash).Scan(&atOffice)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoOffer
	}
	if err != nil {
		return fmt.Errorf("union: take offer: %w", err)
	}
	if atOffice {
		how = "office"
	}
	// One that was asked for and not answered is answered by this.
	var ref string
	err = tx.QueryRow(ctx, `
		INSERT INTO helpings (artisan_id, account_id, asked_at, confirmed_at, confirmed_how)
		VALUES ($1, $2, $3, $3, $4)
		ON CONFLICT (artisan_id, account_id) WHERE ended_at IS NULL
		DO UPDATE SET confirmed_at = $3, confirmed_how = $4 WHERE helpings.confirmed_at IS NULL
		RETURNING ref::text`, a.ID, helper, now, how).Scan(&ref)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrHelpsAlready
	}
	if err != nil {
		return fmt.Errorf("union: help: %w", err)
	}
	return begun(ctx, tx, a, helper, helper, how)
}

// begun is what follows when a helping is confirmed.
func begun(ctx context.Context, tx pgx.Tx, a Artisan, helper, by identity.AccountID, how string) error {
	if err := fewHelpers(ctx, tx, a.ID); err != nil {
		return err
	}
	if err := identity.GiveRole(ctx, tx, helper, identity.Helper, by); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "helping.begun", Subject: "artisan:" + a.Slug,
		After: map[string]any{"helper": fmt.Sprintf("account:%d", helper), "how": how}})
}

func fewHelpers(ctx context.Context, tx pgx.Tx, a ArtisanID) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM helpings WHERE artisan_id = $1 AND ended_at IS NULL`, a).Scan(&n); err != nil {
		return fmt.Errorf("union: count helpers: %w", err)
	}
	if n > MostHelpers {
		return ErrManyHelpers
	}
	return nil
}

// AskToHelp asks the artisan of a phone number, who finds it in the studio.
// Whether there is one is not told: a number that is nobody's does nothing. It
// returns ErrManyHelpers for someone who waits for too many answers.
func AskToHelp(ctx context.Context, tx pgx.Tx, phone string, helper identity.Account, now time.Time) error {
	number := identity.Phone(phone)
	a, err := artisan(ctx, tx, `a.state NOT IN ('suspended', 'left') AND a.account_id = (SELECT c.id FROM accounts c WHERE c.phone = nullif($1, ''))`, number)
	if errors.Is(err, ErrNoArtisan) || err == nil && a.Account == helper.ID {
		return nil
	}
	if err != nil {
		return err
	}
	var waiting int
	err = tx.QueryRow(ctx, `
		SELECT count(*) FROM helpings WHERE account_id = $1 AND ended_at IS NULL AND confirmed_at IS NULL`, helper.ID).Scan(&waiting)
	if err != nil {
		return fmt.Errorf("union: ask to help: %w", err)
	}
	if waiting >= mostAsked {
		return ErrManyHelpers
	}
	var ref string
	err = tx.QueryRow(ctx, `
		INSERT INTO helpings (artisan_id, account_id, asked_at)
		VALUES ($1, $2, $3)
		ON CONFLICT (artisan_id, account_id) WHERE ended_at IS NULL DO NOTHING
		RETURNING ref::text`, a.ID, helper.ID, now).Scan(&ref)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // Asked before.
	}
	if err != nil {
		return fmt.Errorf("union: ask to help: %w", err)
	}
	if err := fewHelpers(ctx, tx, a.ID); errors.Is(err, ErrManyHelpers) {
		return err
	}
	if err := Tell(ctx, tx, a.ID, "helper_asks", strings.ReplaceAll(helper.Name, "/", " ")+"/"+ref, nil); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: helper.ID, Action: "helping.asked", Subject: "artisan:" + a.Slug})
}

// ConfirmHelping is the artisan's yes to someone who asked, or ErrNoHelping.
func ConfirmHelping(ctx context.Context, tx pgx.Tx, a Artisan, ref string, by identity.AccountID, now time.Time) error {
	var helper identity.AccountID
	err := tx.QueryRow(ctx, `
		UPDATE helpings
		SET confirmed_at = $3, confirmed_how = 'studio'
		WHERE artisan_id = $1 AND ref::text = $2 AND confirmed_at IS NULL AND ended_at IS NULL
		RETURNING account_id`, a.ID, ref, now).Scan(&helper)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoHelping
	}
	if err != nil {
		return fmt.Errorf("union: confirm: %w", err)
	}
	return begun(ctx, tx, a, helper, by, "studio")
}

// EndHelping ends a helping, or says no to one that was asked for. by is the
// artisan or the helper; for anyone else it is ErrNoHelping.
func EndHelping(ctx context.Context, tx pgx.Tx, ref string, by identity.AccountID, now time.Time) error {
	var slug string
	var helper identity.AccountID
	err := tx.QueryRow(ctx, `
		UPDATE helpings h
		SET ended_at = $3, ended_by = $2
		FROM artisans a
		WHERE a.id = h.artisan_id AND (h.account_id = $2 OR a.account_id = $2) AND h.ref::text = $1 AND h.ended_at IS NULL
		RETURNING a.slug, h.account_id`, ref, by, now).Scan(&slug, &helper)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoHelping
	}
	if err != nil {
		return fmt.Errorf("union: end a helping: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "helping.ended", Subject: "artisan:" + slug,
		Before: map[string]any{"helper": fmt.Sprintf("account:%d", helper)}})
}

func helpings(ctx context.Context, db postgres.DB, where string, arg any) ([]Helping, error) {
	rows, err := db.Query(ctx, `
		SELECT h.ref::text, c.name, coalesce(c.phone, ''), a.id, a.slug, a.name, a.name_ar, h.asked_at,
			coalesce(h.confirmed_at, '0001-01-01 00:00:00+00'), coalesce(h.confirmed_how, '')
		FROM helpings h
		JOIN accounts c ON c.id = h.account_id
		JOIN artisans a ON a.id = h.artisan_id
		WHERE h.ended_at IS NULL AND `+where+`
		ORDER BY h.confirmed_at NULLS FIRST, h.id
		LIMIT 100`, arg)
	if err != nil {
		return nil, fmt.Errorf("union: helpings: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Helping, error) {
		var h Helping
		err := row.Scan(&h.Ref, &h.Helper, &h.HelperPhone, &h.Artisan, &h.Slug, &h.Name, &h.NameArabic, &h.AskedAt, &h.ConfirmedAt, &h.How)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("union: helpings: %w", err)
	}
	return list, nil
}

// HelpersOf returns who helps an artisan, and before them who asks to.
func HelpersOf(ctx context.Context, db postgres.DB, a ArtisanID) ([]Helping, error) {
	return helpings(ctx, db, `h.artisan_id = $1`, a)
}

// HelpedBy returns whom an account helps or has asked to help, at most a
// hundred.
func HelpedBy(ctx context.Context, db postgres.DB, id identity.AccountID) ([]Helping, error) {
	return helpings(ctx, db, `a.state NOT IN ('suspended', 'left') AND h.account_id = $1`, id)
}

// AskHelped asks for whom an account may act in the studio.
func AskHelped(id identity.AccountID, list *[]ArtisanID) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		if *list, err = pgx.CollectRows(rows, pgx.RowTo[ArtisanID]); err != nil {
			return fmt.Errorf("union: helped: %w", err)
		}
		return nil
	}, `
		SELECT h.artisan_id
		FROM helpings h
		JOIN artisans a ON a.id = h.artisan_id
		WHERE h.account_id = $1 AND h.confirmed_at IS NOT NULL AND h.ended_at IS NULL AND a.state NOT IN ('suspended', 'left')`, id)
}

// Helped returns the artisan of a slug whom the account helps, or ErrNoArtisan.
func Helped(ctx context.Context, db postgres.DB, slug string, by identity.AccountID) (Artisan, error) {
	a, err := artisan(ctx, db, `a.slug = $1 AND a.state NOT IN ('suspended', 'left')`, slug)
	if err != nil {
		return Artisan{}, err
	}
	var helps bool
	err = db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM helpings WHERE artisan_id = $1 AND account_id = $2 AND confirmed_at IS NOT NULL AND ended_at IS NULL)`,
		a.ID, by).Scan(&helps)
	if err != nil {
		return Artisan{}, fmt.Errorf("union: helped: %w", err)
	}
	if !helps {
		return Artisan{}, ErrNoArtisan
	}
	return a, nil
}

// OnlyHelped returns the slug of the one artisan whom an account helps, or an
// empty one where there is none, or a choice.
func OnlyHelped(ctx context.Context, db postgres.DB, by identity.AccountID) (string, error) {
	list, err := HelpedBy(ctx, db, by)
	if err != nil {
		return "", err
	}
	only := ""
	for _, h := range list {
		if !h.Confirmed() {
			continue
		}
		if only != "" {
			return "", nil
		}
		only = h.Slug
	}
	return only, nil
}
