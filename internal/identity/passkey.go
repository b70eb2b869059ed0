package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/postgres"
)

// ErrNoPasskey is returned for an answer of an authenticator that does not fit
// what it was asked, or comes from one that nobody here knows.
var ErrNoPasskey = fault.New(fault.Invalid, "passkey.wrong")

// Passkeys let people sign in with a key that their phone or computer keeps
// behind a fingerprint, a face or its own code (W3C Web Authentication, level
// 3). There is no password to remember, to type or to steal.
type Passkeys struct {
	ceremony *webauthn.WebAuthn // nil where there can be none
}

// NewPasskeys returns the passkeys of the site at publicURL. They are bound to
// its host, on another one they are of no use, and to a bare IP address browsers
// bind none.
func NewPasskeys(publicURL string) (*Passkeys, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, fmt.Errorf("identity: passkeys: %w", err)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return &Passkeys{}, nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: u.Host, RPOrigins: []string{publicURL},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// Kept on the device, so that nobody types a name, and locked.
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, fmt.Errorf("identity: passkeys: %w", err)
	}
	return &Passkeys{w}, nil
}

// Possible reports whether there can be passkeys here. Where there cannot, all
// else returns ErrNoPasskey.
func (p *Passkeys) Possible() bool { return p.ceremony != nil }

// A keyHolder is an account, or one to be, as the library wants to see it.
type keyHolder struct {
	account AccountID
	handle  []byte
	name    string
	keys    []webauthn.Credential
}

func (h *keyHolder) WebAuthnID() []byte                         { return h.handle }
func (h *keyHolder) WebAuthnName() string                       { return h.name }
func (h *keyHolder) WebAuthnDisplayName() string                { return h.name }
func (h *keyHolder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// A Challenge is what an authenticator is asked. Options go to the browser as
// JSON; Kept stays here until the answer comes, and is good for one.
type Challenge struct {
	Options any
	Kept    []byte
}

func newChallenge(options any, session *webauthn.SessionData) (Challenge, error) {
	kept, err := json.Marshal(session)
	if err != nil {
		return Challenge{}, fmt.Errorf("identity: passkey: %w", err)
	}
	return Challenge{options, kept}, nil
}

// Offer asks for a new key for an account, zero for one that is yet to be made,
// whose owner the authenticator shows by name.
func (p *Passkeys) Offer(ctx context.Context, db postgres.DB, id AccountID, name string) (Challenge, error) {
	if !p.Possible() {
		return Challenge{}, ErrNoPasskey
	}
	holder := &keyHolder{account: id, name: name}
	if id != 0 {
		var err error
		if holder, err = holderWhere(ctx, db, `a.id = $1`, id); err != nil {
			return Challenge{}, err
		}
		holder.name = name
	}
	if holder.handle == nil {
		holder.handle = make([]byte, 32)
		rand.Read(holder.handle) // Never fails.
	}
	var known []protocol.CredentialDescriptor
	for _, key := range holder.keys {
		known = append(known, key.Descriptor())
	}
	options, session, err := p.ceremony.BeginRegistration(holder, webauthn.WithExclusions(known))
	if err != nil {
		return Challenge{}, fmt.Errorf("identity: offer a passkey: %w", err)
	}
	return newChallenge(options, session)
}

// A Passkey is a key that fits its challenge and waits to be kept.
type Passkey struct {
	handle     []byte
	credential *webauthn.Credential
}

// Read checks an authenticator's answer to Offer, or returns ErrNoPasskey.
func (p *Passkeys) Read(kept, answer []byte) (Passkey, error) {
	if !p.Possible() {
		return Passkey{}, ErrNoPasskey
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(kept, &session); err != nil {
		return Passkey{}, fmt.Errorf("identity: passkey: %w: %w", err, ErrNoPasskey)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, fmt.Errorf("identity: passkey: %w: %w", err, ErrNoPasskey)
	}
	credential, err := p.ceremony.CreateCredential(&keyHolder{handle: session.UserID}, session, parsed)
	if err != nil {
		return Passkey{}, fmt.Errorf("identity: passkey: %w: %w", err, ErrNoPasskey)
	}
	return Passkey{session.UserID, credential}, nil
}

// AddPasskey gives a key to an account.
func AddPasskey(ctx context.Context, tx pgx.Tx, id AccountID, k Passkey, at time.Time) error {
	tag, err := tx.Exec(ctx, `
		UPDATE accounts
		SET passkey_handle = $2
		WHERE id = $1 AND (passkey_handle IS NULL OR passkey_handle = $2)`, id, k.handle)
	if err != nil {
		return fmt.Errorf("identity: add passkey: %w", err)
	}
	if tag.RowsAffected() == 0 { // Offered before another one was taken.
		return ErrNoPasskey
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO passkeys (account_id, credential_id, credential, created_at)
		VALUES ($1, $2, $3, $4)`, id, k.credential.ID, k.credential, at)
	if postgres.IsUnique(err, "passkeys_credential_id_key") {
		return ErrNoPasskey
	}
	if err != nil {
		return fmt.Errorf("identity: add passkey: %w", err)
	}
	return Record(ctx, tx, Entry{By: id, Action: "account.passkey_added", Subject: fmt.Sprintf("account:%d", id)})
}

// HasPasskey reports whether an account can sign in with a passkey.
func HasPasskey(ctx context.Context, db postgres.DB, id AccountID) (has bool, err error) {
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM passkeys WHERE account_id = $1)`, id).Scan(&has); err != nil {
		return false, fmt.Errorf("identity: passkeys of %d: %w", id, err)
	}
	return has, nil
}

// RemovePasskeys takes all keys of an account away: the phone that held one may
// be lost.
func RemovePasskeys(ctx context.Context, tx pgx.Tx, id, by AccountID) error {
	tag, err := tx.Exec(ctx, `DELETE FROM passkeys WHERE account_id = $1`, id)
	if err != nil {
		return fmt.Errorf("identity: remove passkeys: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return Record(ctx, tx, Entry{By: by, Action: "account.passkeys_removed", Subject: fmt.Sprintf("account:%d", id)})
}

// Ask asks whoever is there to sign in with a key.
func (p *Passkeys) Ask() (Challenge, error) {
	if !p.Possible() {
		return Challenge{}, ErrNoPasskey
	}
	options, session, err := p.ceremony.BeginDiscoverableLogin()
	if err != nil {
		return Challenge{}, fmt.Errorf("identity: ask for a passkey: %w", err)
	}
	return newChallenge(options, session)
}

// SignIn returns whose key has answered Ask, or ErrNoPasskey.
func (p *Passkeys) SignIn(ctx context.Context, tx pgx.Tx, kept, answer []byte, at time.Time) (Account, error) {
	if !p.Possible() {
		return Account{}, ErrNoPasskey
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(kept, &session); err != nil {
		return Account{}, fmt.Errorf("identity: passkey: %w: %w", err, ErrNoPasskey)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Account{}, fmt.Errorf("identity: passkey: %w: %w", err, ErrNoPasskey)
	}
	// Looked up here and not in the library's own callback, which would take a
	// database that is away for a key that is not known.
	holder, err := holderWhere(ctx, tx, `a.passkey_handle = $1`, parsed.Response.UserHandle)
	if errors.Is(err, ErrNoAccount) {
		return Account{}, ErrNoPasskey
	}
	if err != nil {
		return Account{}, err
	}
	_, credential, err := p.ceremony.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return holder, nil }, session, parsed)
	if err != nil {
		return Account{}, fmt.Errorf("identity: passkey: %w: %w", err, ErrNoPasskey)
	}
	if credential.Authenticator.CloneWarning {
		return Account{}, fmt.Errorf("identity: a passkey of account %d counts backwards: %w", holder.account, ErrNoPasskey)
	}
	a, err := ByID(ctx, tx, holder.account)
	if err != nil {
		return Account{}, err
	}
	if a.State != Active {
		return Account{}, ErrNoPasskey
	}
	_, err = tx.Exec(ctx, `
		UPDATE passkeys
		SET credential = $2, used_at = $3
		WHERE credential_id = $1`, credential.ID, credential, at)
	if err != nil {
		return Account{}, fmt.Errorf("identity: passkey used: %w", err)
	}
	return a, nil
}

// holderWhere returns an account with its keys, or ErrNoAccount.
func holderWhere(ctx context.Context, db postgres.DB, where string, arg any) (*keyHolder, error) {
	var h keyHolder
	err := db.QueryRow(ctx, `
		SELECT a.id, a.passkey_handle, a.name, coalesce((
			SELECT jsonb_agg(k.credential ORDER BY k.id) FROM passkeys k WHERE k.account_id = a.id), '[]')
		FROM accounts a
		WHERE `+where, arg).Scan(&h.account, &h.handle, &h.name, &h.keys)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoAccount
	}
	if err != nil {
		return nil, fmt.Errorf("identity: passkeys: %w", err)
	}
	return &h, nil
}
