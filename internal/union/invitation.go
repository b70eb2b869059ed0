package union

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

// InvitationLife is how long a link to come in works.
const InvitationLife = 7 * 24 * time.Hour

var (
	// ErrNoInvitation is returned for a link that was used, has run out, was
	// replaced by a newer one, or never was.
	ErrNoInvitation = fault.New(fault.NotFound, "studio.no_invitation")
	// ErrNoWayIn is returned for an artisan with neither phone nor e-mail.
	ErrNoWayIn = fault.New(fault.Conflict, "studio.no_way_in")
)

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte("invitation " + token))
	return sum[:]
}

// Invite makes a link by which an artisan comes in, and ends the one before:
// whoever has lost a phone is invited again. The token is shown once and kept
// as its hash.
func Invite(ctx context.Context, tx pgx.Tx, a ArtisanID, by identity.AccountID, now time.Time) (token string, err error) {
	artisans, err := ArtisansByID(ctx, tx, []ArtisanID{a})
	if err != nil {
		return "", err
	}
	artisan, ok := artisans[a]
	if !ok || artisan.State == Left || artisan.State == Suspended {
		return "", ErrNoArtisan
	}
	if artisan.Email == "" && identity.Phone(artisan.Phone) == "" {
		return "", ErrNoWayIn
	}
	_, err = tx.Exec(ctx, `
		UPDATE invitations
		SET revoked_at = $2
		WHERE artisan_id = $1 AND used_at IS NULL AND revoked_at IS NULL`, a, now)
	if err != nil {
		return "", fmt.Errorf("union: end the old invitation: %w", err)
	}
	token = strings.ToLower(rand.Text())
	_, err = tx.Exec(ctx, `
		INSERT INTO invitations (artisan_id, token_hash, account_id, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5)`, a, tokenHash(token), by, now, now.Add(InvitationLife))
	if err != nil {
		return "", fmt.Errorf("union: invite: %w", err)
	}
	if artisan.Account != 0 {
		if err := identity.RemovePasskeys(ctx, tx, artisan.Account, by); err != nil {
			return "", err
		}
	}
	return token, identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.invited", Subject: "artisan:" + artisan.Slug})
}

// InvitedBy returns the artisan whom a link lets in, or ErrNoInvitation. Looking
// does not use the link up: a messenger's preview must not lock anyone out.
func InvitedBy(ctx context.Context, db postgres.DB, token string, now time.Time) (Artisan, error) {
	var id ArtisanID
	err := db.QueryRow(ctx, `
		SELECT artisan_id
		FROM invitations
		WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2`, tokenHash(token), now).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return Artisan{}, ErrNoInvitation
	}
	if err != nil {
		return Artisan{}, fmt.Errorf("union: invitation: %w", err)
	}
	artisans, err := ArtisansByID(ctx, db, []ArtisanID{id})
	if err != nil {
		return Artisan{}, err
	}
	a, ok := artisans[id]
	if !ok || a.State == Left || a.State == Suspended {
		return Artisan{}, ErrNoInvitation
	}
	return a, nil
}

// ComeIn uses a link up: the artisan has a password from now on, and an account
// if there was none. Used twice at once, it lets in once. It returns
// ErrNoInvitation, or identity.ErrWeakPassword.
func ComeIn(ctx context.Context, tx pgx.Tx, token, password, language string, now time.Time) (identity.AccountID, error) {
	id, err := comeIn(ctx, tx, token, language, now)
	if err != nil {
		return 0, err
	}
	return id, identity.SetPassword(ctx, tx, id, password)
}

// ComeInByPasskey is ComeIn with the phone's own key in the password's place.
func ComeInByPasskey(ctx context.Context, tx pgx.Tx, token string, key identity.Passkey, language string, now time.Time) (identity.AccountID, error) {
	id, err := comeIn(ctx, tx, token, language, now)
	if err != nil {
		return 0, err
	}
	return id, identity.AddPasskey(ctx, tx, id, key, now)
}

// comeIn uses a link up and returns the artisan's account, which has no new way
// in yet.
func comeIn(ctx context.Context, tx pgx.Tx, token, language string, now time.Time) (identity.AccountID, error) {
	a, err := InvitedBy(ctx, tx, token, now)
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE invitations
		SET used_at = $2
		WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL`, tokenHash(token), now)
	if err != nil {
		return 0, fmt.Errorf("union: use invitation: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return 0, ErrNoInvitation
	}
	if a.Account != 0 {
		return a.Account, nil
	}
	roles := []identity.Role{identity.Artisan}
	var sits bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM committee_members WHERE artisan_id = $1)`, a.ID).Scan(&sits); err != nil {
		return 0, fmt.Errorf("union: come in: %w", err)
	}
	if sits {
		roles = append(roles, identity.Committee)
	}
	id, err := identity.Create(ctx, tx, identity.New{Name: a.Name, Email: a.Email, Phone: identity.Phone(a.Phone),
		Language: language, Roles: roles}, 0)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE artisans
		SET account_id = $2, state = CASE WHEN state = 'invited' THEN 'active' ELSE state END
		WHERE id = $1`, a.ID, id)
	if err != nil {
		return 0, fmt.Errorf("union: come in: %w", err)
	}
	return id, postgres.Notify(ctx, tx, a.ID.Tag(), Lists)
}

// OfAccount returns the artisan who signs in with an account, or ErrNoArtisan.
func OfAccount(ctx context.Context, db postgres.DB, id identity.AccountID) (Artisan, error) {
	return artisan(ctx, db, `a.account_id = $1`, id)
}

// A Notice is what an artisan is told in the studio.
type Notice struct {
	Kind    string
	Subject string // public reference, such as an order's number
	Details map[string]string
	At      time.Time
	Read    bool
}

// Notices returns an artisan's latest notices, newest first.
func Notices(ctx context.Context, db postgres.DB, a ArtisanID, limit int) ([]Notice, error) {
	rows, err := db.Query(ctx, `
		SELECT kind, subject, details, at, read_at IS NOT NULL
		FROM notices
		WHERE artisan_id = $1
		ORDER BY at DESC, id DESC
		LIMIT $2`, a, limit)
	if err != nil {
		return nil, fmt.Errorf("union: notices: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Notice, error) {
		var n Notice
		err := row.Scan(&n.Kind, &n.Subject, &n.Details, &n.At, &n.Read)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("union: notices: %w", err)
	}
	return list, nil
}

// ReadNotices marks all of an artisan's notices as read.
func ReadNotices(ctx context.Context, db postgres.DB, a ArtisanID, now time.Time) error {
	if _, err := db.Exec(ctx, `UPDATE notices SET read_at = $2 WHERE artisan_id = $1 AND read_at IS NULL`, a, now); err != nil {
		return fmt.Errorf("union: read notices: %w", err)
	}
	return nil
}
