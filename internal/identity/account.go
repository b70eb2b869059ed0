// Package identity knows who can sign in, what each may do, and keeps the
// record of who did what.
package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/postgres"
)

// AccountID is an account's key, which never leaves the program.
type AccountID int64

// An Account is someone who can sign in, by e-mail or phone.
type Account struct {
	ID       AccountID
	Name     string
	Email    string // in lower case, may be empty
	Language string
	State    State
	Roles    []Role
}

// State says whether an account may be used.
type State string

const (
	Active    State = "active"
	Suspended State = "suspended"
)

// Role is what an account is to the union; several at once.
type Role string

const (
	Buyer     Role = "buyer"
	Artisan   Role = "artisan"
	Helper    Role = "helper"
	Agent     Role = "agent"
	Committee Role = "committee"
	Partner   Role = "partner"
	Treasurer Role = "treasurer"
	Admin     Role = "admin"
)

// Roles are all of them.
var Roles = []Role{Buyer, Artisan, Helper, Agent, Committee, Partner, Treasurer, Admin}

// Act is something that not everyone may do.
type Act string

const (
	EnterAdmin     Act = "admin.enter"
	SeeOrders      Act = "orders.see"
	SeeArtisans    Act = "artisans.see"
	InviteArtisans Act = "artisans.invite"
	TakePiecesIn   Act = "pieces.take_in"
	SendPieces     Act = "pieces.send" // pack, post, hand over
	GiveMoneyBack  Act = "money.give_back"

	JudgePieces     Act = "pieces.judge" // of the trades of one's committee
	JudgeEverything Act = "pieces.judge_all"
	EnterStudio     Act = "studio.enter"
	ActFor          Act = "studio.act_for" // artisans who asked for it
	GiveHelpers     Act = "helpers.give"   // to an artisan who stands at the union's counter
	SeeAudit        Act = "audit.see"
	SuspendArtisans Act = "artisans.suspend"
	ManageStaff     Act = "staff.manage"   // accounts, roles, who is signed in
	KeepTrainings   Act = "trainings.keep" // courses, and who finished them
	WriteWords      Act = "words.write"    // what artisans said, and translations
	KeepSettings    Act = "settings.keep"  // the market's own data
)

// allowed is the one table of who may do what.
var allowed = map[Act][]Role{
	EnterAdmin: {Admin, Treasurer, Agent, Committee},
	SeeOrders:  {Admin, Treasurer, Agent},

	SeeArtisans:    {Admin, Treasurer, Agent},
	InviteArtisans: {Admin, Agent},
	TakePiecesIn:   {Admin, Agent},
	SendPieces:     {Admin, Agent},
	GiveMoneyBack:  {Admin, Treasurer},

	WriteWords:      {Admin, Agent},
	KeepSettings:    {Admin},
	KeepTrainings:   {Admin, Agent},
	SuspendArtisans: {Admin},

	JudgePieces:     {Admin, Committee},
	JudgeEverything: {Admin},
	EnterStudio:     {Artisan, Helper},
	ActFor:          {Helper},
	GiveHelpers:     {Admin, Agent},
	SeeAudit:        {Admin},
	ManageStaff:     {Admin},
}

// May reports whether the account may do act. A suspended one may do nothing.
func (a Account) May(act Act) bool {
	if a.State != Active {
		return false
	}
	return slices.ContainsFunc(a.Roles, func(r Role) bool { return slices.Contains(allowed[act], r) })
}

var (
	// ErrWrongSignIn does not say which of the two was wrong.
	ErrWrongSignIn = fault.New(fault.Invalid, "sign_in.wrong")
	// ErrForbidden is for someone who is signed in and may not.
	ErrForbidden = fault.New(fault.Forbidden, "error.forbidden")
	// ErrPhoneTaken is returned for a number by which someone else signs in.
	ErrPhoneTaken = fault.New(fault.Conflict, "account.phone_taken")
	// ErrEmailTaken is returned for an address by which someone else signs in.
	ErrEmailTaken = fault.New(fault.Conflict, "account.email_taken")
	// ErrNoAccount is returned for an account that is not there.
	ErrNoAccount = fault.New(fault.NotFound, "error.not_found")
)

const accountColumns = `
	a.id, a.name, coalesce(a.email, ''), a.language, a.state,
	ARRAY(SELECT r.role FROM account_roles r WHERE r.account_id = a.id ORDER BY r.role)`

func scanAccount(row pgx.Row, more ...any) (Account, error) {
	var a Account
	err := row.Scan(append([]any{&a.ID, &a.Name, &a.Email, &a.Language, &a.State, &a.Roles}, more...)...)
	return a, err
}

// ByID returns an account, or ErrNoAccount.
func ByID(ctx context.Context, db postgres.DB, id AccountID) (Account, error) {
	a, err := scanAccount(db.QueryRow(ctx, `
		SELECT `+accountColumns+`
		FROM accounts a
		WHERE a.id = $1`, id))
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, ErrNoAccount
	}
	if err != nil {
		return Account{}, fmt.Errorf("identity: account %d: %w", id, err)
	}
	return a, nil
}

// SignIn returns the account with that e-mail or phone number, and password.
// Whatever is wrong, the answer is ErrWrongSignIn and takes as long.
func SignIn(ctx context.Context, db postgres.DB, name, password string) (Account, error) {
	var hash *string
	a, err := scanAccount(db.QueryRow(ctx, `
		SELECT `+accountColumns+`, a.password_hash
		FROM accounts a
		WHERE a.email = $1 OR a.phone = nullif($2, '')`, strings.ToLower(strings.TrimSpace(name)), Phone(name)), &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Account{}, fmt.Errorf("identity: sign in: %w", err)
	}
	known := err == nil && hash != nil && a.State == Active
	if !known {
		hash = &nobodysHash
	}
	ok, err := checkPassword(ctx, password, *hash)
	if err != nil {
		return Account{}, fmt.Errorf("identity: sign in: %w", err)
	}
	if !ok || !known {
		return Account{}, ErrWrongSignIn
	}
	return a, nil
}

// New is what an account is made of. Without a password it is signed in to in
// another way.
type New struct {
	Name, Email, Phone, Password, Language string
	Roles                                  []Role
}

// Create makes an account and writes it to the audit. by is who does it, zero
// for the program itself. It returns ErrWeakPassword, ErrPhoneTaken or
// ErrEmailTaken; after the last two the caller must let tx roll back.
func Create(ctx context.Context, tx pgx.Tx, n New, by AccountID) (AccountID, error) {
	hash := ""
	if n.Password != "" {
		var err error
		if hash, err = HashPassword(ctx, n.Password); err != nil {
			return 0, err
		}
	}
	var id AccountID
	err := tx.QueryRow(ctx, `
		INSERT INTO accounts (name, email, phone, password_hash, language)
		VALUES ($1, nullif(lower($2), ''), nullif($3, ''), nullif($4, ''), $5)
		RETURNING id`, n.Name, n.Email, n.Phone, hash, n.Language).Scan(&id)
	switch {
	case postgres.IsUnique(err, "accounts_phone"):
		return 0, ErrPhoneTaken
	case postgres.IsUnique(err, "accounts_email"):
		return 0, ErrEmailTaken
	case err != nil:
		return 0, fmt.Errorf("identity: create account: %w", err)
	}
	for _, role := range n.Roles {
		if _, err := tx.Exec(ctx, `INSERT INTO account_roles (account_id, role) VALUES ($1, $2)`, id, role); err != nil {
			return 0, fmt.Errorf("identity: give role %s: %w", role, err)
		}
	}
	return id, Record(ctx, tx, Entry{
		By: by, Action: "account.created", Subject: fmt.Sprintf("account:%d", id),
		After: map[string]any{"roles": n.Roles},
	})
}

// GiveRole lets an account be one thing more. One that it is already changes
// nothing.
func GiveRole(ctx context.Context, tx pgx.Tx, id AccountID, role Role, by AccountID) error {
	tag, err := tx.Exec(ctx, `
		INSERT INTO account_roles (account_id, role)
		VALUES ($1, $2)
		ON CONFLICT DO NOTHING`, id, role)
	if err != nil {
		return fmt.Errorf("identity: give role %s: %w", role, err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return Record(ctx, tx, Entry{By: by, Action: "account.role_given", Subject: fmt.Sprintf("account:%d", id), After: map[string]any{"role": role}})
}

// SetPassword gives an account another password, or returns ErrWeakPassword.
func SetPassword(ctx context.Context, tx pgx.Tx, id AccountID, password string) error {
	hash, err := HashPassword(ctx, password)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET password_hash = $2 WHERE id = $1`, id, hash); err != nil {
		return fmt.Errorf("identity: set password: %w", err)
	}
	return Record(ctx, tx, Entry{By: id, Action: "account.password_set", Subject: fmt.Sprintf("account:%d", id)})
}

// SetLanguage changes the language that an account's pages and letters are in,
// BCP 47.
func SetLanguage(ctx context.Context, db postgres.DB, id AccountID, language string) error {
	if _, err := db.Exec(ctx, `UPDATE accounts SET language = $2 WHERE id = $1`, id, language); err != nil {
		return fmt.Errorf("identity: set language: %w", err)
	}
	return nil
}

// TakeRole takes a role from an account, and logs it. Done twice, it is done once.
func TakeRole(ctx context.Context, tx pgx.Tx, id AccountID, role Role, by AccountID) error {
	tag, err := tx.Exec(ctx, `DELETE FROM account_roles WHERE account_id = $1 AND role = $2`, id, role)
	if err != nil {
		return fmt.Errorf("identity: take role %s of account %d: %w", role, id, err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return Record(ctx, tx, Entry{By: by, Action: "account.role_taken", Subject: fmt.Sprintf("account:%d", id), Before: map[string]Role{"role": role}})
}
