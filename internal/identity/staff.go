package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/postgres"
)

// StaffRoles are those that the union gives and takes away. An artisan, a helper
// and a buyer are what they are by themselves.
var StaffRoles = []Role{Admin, Treasurer, Agent, Committee, Partner}

// How long a link works that gives an account a password.
const (
	InvitationLife = 72 * time.Hour
	ResetLife      = 24 * time.Hour
)

var (
	// ErrLastAdmin is returned where nobody would be left to give roles.
	ErrLastAdmin = fault.New(fault.Conflict, "staff.last_admin")
	// ErrOwnAdmin is returned to an administrator who would stop being one.
	ErrOwnAdmin = fault.New(fault.Conflict, "staff.own_admin")
	// ErrRolesChanged is returned to the second of two who change one account.
	ErrRolesChanged = fault.New(fault.Conflict, "staff.changed")
	// ErrNoLink is returned for a link that was used, has run out, was replaced
	// by a newer one, or never was.
	ErrNoLink = fault.New(fault.NotFound, "account.no_link")
)

// Staff reports whether the account works in the union's office. A committee
// member judges pieces from the phone of their workshop, and is none.
func (a Account) Staff() bool {
	return slices.ContainsFunc(a.Roles, func(r Role) bool { return r == Admin || r == Treasurer || r == Agent })
}

// Acts are all that not everyone may do, in the order in which they are shown.
func Acts() []Act {
	acts := make([]Act, 0, len(allowed))
	for act := range allowed {
		acts = append(acts, act)
	}
	slices.Sort(acts)
	return acts
}

// Allowed reports whether a role may do act.
func Allowed(act Act, r Role) bool { return slices.Contains(allowed[act], r) }

// WhoMay returns the names of up to five of the staff who may do act, and of the
// administrators where none of the staff as such may: whom to ask.
func WhoMay(ctx context.Context, db postgres.DB, act Act) ([]string, error) {
	roles := []Role{Admin}
	for _, r := range []Role{Treasurer, Agent} {
		if Allowed(act, r) {
			roles = append(roles, r)
		}
	}
	rows, err := db.Query(ctx, `
		SELECT a.name
		FROM accounts a
		WHERE a.state = 'active' AND EXISTS (SELECT FROM account_roles r WHERE r.account_id = a.id AND r.role = ANY ($1))
		ORDER BY EXISTS (SELECT FROM account_roles r WHERE r.account_id = a.id AND r.role = 'admin') DESC, a.name
		LIMIT 5`, roles)
	if err != nil {
		return nil, fmt.Errorf("identity: who may: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("identity: who may: %w", err)
	}
	return names, nil
}

// A Colleague is an account as the administration sees it.
type Colleague struct {
	Account
	Ref      string
	Phone    string // E.164, may be empty
	HasWayIn bool   // a password or a passkey
	Passkeys int
	Factor   bool // signing in with the password asks for a code
	Link     string
	Until    time.Time // of the open link, zero for none
}

const colleagueColumns = accountColumns + `, a.ref::text, coalesce(a.phone, ''), a.password_hash IS NOT NULL,
	(SELECT count(*) FROM passkeys k WHERE k.account_id = a.id),
	EXISTS (SELECT FROM second_factors f WHERE f.account_id = a.id AND f.confirmed_at IS NOT NULL),
	coalesce(l.kind, ''), coalesce(l.expires_at, '0001-01-01 00:00:00+00')`

const colleagueTables = `
	FROM accounts a
	LEFT JOIN account_links l ON l.account_id = a.id AND l.used_at IS NULL AND l.revoked_at IS NULL AND l.expires_at > $1`

func scanColleague(row pgx.CollectableRow) (Colleague, error) {
	var k Colleague
	var err error
	k.Account, err = scanAccount(row, &k.Ref, &k.Phone, &k.HasWayIn, &k.Passkeys, &k.Factor, &k.Link, &k.Until)
	k.HasWayIn = k.HasWayIn || k.Passkeys > 0
	return k, err
}

// ColleagueFilter narrows the list of staff. The zero one asks for all.
type ColleagueFilter struct {
	Query string // of a name; or the whole of an e-mail or number, of whatever account
	After string // Ref of the last one seen
	Limit int
}

// Colleagues lists everyone with one of StaffRoles, by name, and whether there
// are more.
func Colleagues(ctx context.Context, db postgres.DB, f ColleagueFilter, now time.Time) (list []Colleague, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+colleagueColumns+colleagueTables+`
		WHERE (EXISTS (SELECT FROM account_roles r WHERE r.account_id = a.id AND r.role = ANY ($2))
		         AND ($3 = '' OR strpos(lower(a.name), lower($3)) > 0)
		       OR $3 <> '' AND (a.email = lower($3) OR a.phone = nullif($4, '')))
		  AND ($5 = '' OR (a.name, a.ref::text) > (SELECT s.name, s.ref::text FROM accounts s WHERE s.ref::text = $5))
		ORDER BY a.name, a.ref::text
		LIMIT $6`, now, StaffRoles, f.Query, Phone(f.Query), f.After, f.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("identity: colleagues: %w", err)
	}
	if list, err = pgx.CollectRows(rows, scanColleague); err != nil {
		return nil, false, fmt.Errorf("identity: colleagues: %w", err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// ColleagueByRef returns the account of a Ref, or ErrNoAccount.
func ColleagueByRef(ctx context.Context, db postgres.DB, ref string, now time.Time) (Colleague, error) {
	rows, err := db.Query(ctx, `
		SELECT `+colleagueColumns+colleagueTables+`
		WHERE a.ref::text = $2`, now, ref)
	if err != nil {
		return Colleague{}, fmt.Errorf("identity: colleague: %w", err)
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanColleague)
	if errors.Is(err, pgx.ErrNoRows) {
		return Colleague{}, ErrNoAccount
	}
	if err != nil {
		return Colleague{}, fmt.Errorf("identity: colleague: %w", err)
	}
	return k, nil
}

// RefOf returns what names an account in addresses of the administration.
func RefOf(ctx context.Context, db postgres.DB, id AccountID) (ref string, err error) {
	if err := db.QueryRow(ctx, `SELECT ref::text FROM accounts WHERE id = $1`, id).Scan(&ref); err != nil {
		return "", fmt.Errorf("identity: ref of %d: %w", id, err)
	}
	return ref, nil
}

// lockAdmins makes whoever changes an administrator wait their turn, so that the
// last two cannot take each other's place away at once. It returns those who can
// sign in.
func lockAdmins(ctx context.Context, tx pgx.Tx) ([]AccountID, error) {
	rows, err := tx.Query(ctx, `
		SELECT a.id
		FROM accounts a
		WHERE a.state = 'active' AND EXISTS (SELECT FROM account_roles r WHERE r.account_id = a.id AND r.role = 'admin')
		ORDER BY a.id
		FOR UPDATE OF a`)
	if err != nil {
		return nil, fmt.Errorf("identity: admins: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[AccountID])
	if err != nil {
		return nil, fmt.Errorf("identity: admins: %w", err)
	}
	return ids, nil
}

// mayLose returns nil where an account may stop being an administrator.
func mayLose(ctx context.Context, tx pgx.Tx, id, by AccountID) error {
	if id == by {
		return ErrOwnAdmin
	}
	admins, err := lockAdmins(ctx, tx)
	if err != nil {
		return err
	}
	if len(admins) == 0 || len(admins) == 1 && admins[0] == id {
		return ErrLastAdmin
	}
	// Someone may have taken the place of whoever asks, a moment ago.
	if !slices.Contains(admins, by) {
		return ErrForbidden
	}
	return nil
}

// SetRoles gives an account these of StaffRoles and takes the others away. seen
// are those that it had when whoever asks looked. It returns ErrRolesChanged,
// ErrOwnAdmin or ErrLastAdmin.
func SetRoles(ctx context.Context, tx pgx.Tx, id AccountID, seen, roles []Role, by AccountID) error {
	if _, err := lockAdmins(ctx, tx); err != nil {
		return err
	}
	was, err := ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	var had, will []Role
	for _, r := range Roles {
		ours, has := slices.Contains(StaffRoles, r), slices.Contains(was.Roles, r)
		if ours && has != slices.Contains(seen, r) {
			return ErrRolesChanged
		}
		if has {
			had = append(had, r)
		}
		if ours && slices.Contains(roles, r) || !ours && has {
			will = append(will, r)
		}
	}
	if slices.Equal(had, will) {
		return nil
	}
	if slices.Contains(was.Roles, Admin) && !slices.Contains(will, Admin) {
		if err := mayLose(ctx, tx, id, by); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM account_roles WHERE account_id = $1 AND NOT role = ANY ($2)`, id, will); err != nil {
		return fmt.Errorf("identity: set roles: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO account_roles (account_id, role)
		SELECT $1, r FROM unnest($2::text[]) AS r
		ON CONFLICT DO NOTHING`, id, will)
	if err != nil {
		return fmt.Errorf("identity: set roles: %w", err)
	}
	return Record(ctx, tx, Entry{By: by, Action: "account.roles_changed", Subject: fmt.Sprintf("account:%d", id),
		Before: map[string]any{"roles": had}, After: map[string]any{"roles": will}})
}

// SetState suspends an account, or lets it in again. It returns ErrOwnAdmin or
// ErrLastAdmin.
func SetState(ctx context.Context, tx pgx.Tx, id AccountID, state State, by AccountID) error {
	was, err := ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if was.State == state {
		return nil
	}
	if state == Suspended && slices.Contains(was.Roles, Admin) {
		if err := mayLose(ctx, tx, id, by); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET state = $2 WHERE id = $1`, id, state); err != nil {
		return fmt.Errorf("identity: set state: %w", err)
	}
	return Record(ctx, tx, Entry{By: by, Action: "account.state_changed", Subject: fmt.Sprintf("account:%d", id),
		Before: map[string]any{"state": was.State}, After: map[string]any{"state": state}})
}

// LinkKind says what a link to a password is for.
type LinkKind string

const (
	InvitationLink LinkKind = "invitation"
	ResetLink      LinkKind = "reset"
)

func linkHash(token string) []byte {
	sum := sha256.Sum256([]byte("account link " + token))
	return sum[:]
}

// MakeLink makes a link by which an account gets a password, and ends the one
// before. The token is shown once and kept as its hash.
func MakeLink(ctx context.Context, tx pgx.Tx, id AccountID, kind LinkKind, by AccountID, now time.Time) (token string, until time.Time, err error) {
	_, err = tx.Exec(ctx, `
		UPDATE account_links
		SET revoked_at = $2
		WHERE account_id = $1 AND used_at IS NULL AND revoked_at IS NULL`, id, now)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("identity: end the old link: %w", err)
	}
	until = now.Add(InvitationLife)
	if kind == ResetLink {
		until = now.Add(ResetLife)
	}
	token = strings.ToLower(rand.Text())
	_, err = tx.Exec(ctx, `
		INSERT INTO account_links (account_id, kind, token_hash, made_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, id, kind, linkHash(token), by, now, until)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("identity: make link: %w", err)
	}
	return token, until, Record(ctx, tx, Entry{By: by, Action: "account." + string(kind) + "_sent", Subject: fmt.Sprintf("account:%d", id)})
}

// ByLink returns the account of a link, and what the link is for, or ErrNoLink.
// Looking does not use it up.
func ByLink(ctx context.Context, db postgres.DB, token string, now time.Time) (Account, LinkKind, error) {
	var kind LinkKind
	a, err := scanAccount(db.QueryRow(ctx, `
		SELECT `+accountColumns+`, l.kind
		FROM accounts a
		JOIN account_links l ON l.account_id = a.id
		WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.revoked_at IS NULL AND l.expires_at > $2 AND a.state = 'active'`, linkHash(token), now), &kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, "", ErrNoLink
	}
	if err != nil {
		return Account{}, "", fmt.Errorf("identity: link: %w", err)
	}
	return a, kind, nil
}

// useLink uses a link up. Of two who use it at once, the second gets ErrNoLink.
func useLink(ctx context.Context, tx pgx.Tx, token string, now time.Time) (Account, error) {
	a, _, err := ByLink(ctx, tx, token, now)
	if err != nil {
		return Account{}, err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE account_links
		SET used_at = $2
		WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL`, linkHash(token), now)
	if err != nil {
		return Account{}, fmt.Errorf("identity: use link: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return Account{}, ErrNoLink
	}
	return a, nil
}

// PasswordByLink uses a link up: the account has this password from now on. It
// returns ErrNoLink or ErrWeakPassword.
func PasswordByLink(ctx context.Context, tx pgx.Tx, token, password string, now time.Time) (Account, error) {
	a, err := useLink(ctx, tx, token, now)
	if err != nil {
		return Account{}, err
	}
	return a, SetPassword(ctx, tx, a.ID, password)
}

// PasskeyByLink uses an invitation up with a passkey in the password's place. It
// returns ErrNoLink or ErrNoPasskey.
func PasskeyByLink(ctx context.Context, tx pgx.Tx, token string, k Passkey, now time.Time) (Account, error) {
	a, err := useLink(ctx, tx, token, now)
	if err != nil {
		return Account{}, err
	}
	return a, AddPasskey(ctx, tx, a.ID, k, now)
}

// RecordSignedOut writes down that by has ended sessions of an account.
func RecordSignedOut(ctx context.Context, tx pgx.Tx, id, by AccountID) error {
	return Record(ctx, tx, Entry{By: by, Action: "account.signed_out", Subject: fmt.Sprintf("account:%d", id)})
}
