package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// RecoveryCodes is how many codes on paper an account gets.
const RecoveryCodes = 10

// codeTime is how long an app shows a code, as all apps have it.
const codeTime = 30 * time.Second

var (
	// ErrWrongCode is returned for a code that does not fit, or has been used.
	ErrWrongCode = fault.New(fault.Invalid, "factor.wrong")
	// ErrHasFactor is returned where a second step is set up already.
	ErrHasFactor = fault.New(fault.Conflict, "factor.there")
	// ErrNoFactor is returned where none is.
	ErrNoFactor = fault.New(fault.NotFound, "error.not_found")
)

// Factors are the second steps of signing in: codes that an app on the owner's
// phone shows for half a minute each (RFC 6238), and ten on paper for the day on
// which the phone is lost. The secrets are encrypted at rest, with AES-256-GCM
// under SECRET_KEY.
type Factors struct{ gcm cipher.AEAD }

// NewFactors takes the program's secret key, of any length.
func NewFactors(secretKey string) (*Factors, error) {
	if secretKey == "" {
		return nil, errors.New("identity: no secret key to keep second factors with")
	}
	key := sha256.Sum256([]byte("kissaria second factors " + secretKey))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("identity: factors: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("identity: factors: %w", err)
	}
	return &Factors{gcm}, nil
}

func (f *Factors) seal(secret string, id AccountID) []byte {
	nonce := make([]byte, f.gcm.NonceSize())
	rand.Read(nonce) // never fails: the program would end
	return f.gcm.Seal(nonce, nonce, []byte(secret), fmt.Append(nil, id))
}

func (f *Factors) open(sealed []byte, id AccountID) (string, error) {
	n := f.gcm.NonceSize()
	if len(sealed) < n {
		return "", errors.New("identity: second factor: too short")
	}
	b, err := f.gcm.Open(nil, sealed[:n], sealed[n:], fmt.Append(nil, id))
	if err != nil {
		return "", fmt.Errorf("identity: second factor of %d: %w", id, err)
	}
	return string(b), nil
}

// A Factor is the state of an account's second step.
type Factor struct {
	Since time.Time // zero for none
	Codes int       // on paper, that have not been used
}

// On reports whether signing in with a password asks for a code.
func (f Factor) On() bool { return !f.Since.IsZero() }

// FactorOf returns how it stands with an account's second step.
func FactorOf(ctx context.Context, db postgres.DB, id AccountID) (Factor, error) {
	var f Factor
	var since *time.Time
	err := db.QueryRow(ctx, `
		SELECT (SELECT confirmed_at FROM second_factors WHERE account_id = $1),
			(SELECT count(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL)`, id).Scan(&since, &f.Codes)
	if err != nil {
		return Factor{}, fmt.Errorf("identity: second factor of %d: %w", id, err)
	}
	if since != nil {
		f.Since = *since
	}
	return f, nil
}

// Begin returns the secret of a second step that is not set up yet, in base 32,
// and the address that an app reads from a code to scan. Asked again, it returns
// the same. issuer and name are what the app shows. It returns ErrHasFactor.
func (f *Factors) Begin(ctx context.Context, tx pgx.Tx, a Account, issuer, name string, now time.Time) (secret, address string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: name, SecretSize: 20})
	if err != nil {
		return "", "", fmt.Errorf("identity: begin a second factor: %w", err)
	}
	var sealed []byte
	var confirmed *time.Time
	err = tx.QueryRow(ctx, `
		INSERT INTO second_factors (account_id, secret, created_at)
		VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET created_at = second_factors.created_at
		RETURNING secret, confirmed_at`, a.ID, f.seal(key.Secret(), a.ID), now).Scan(&sealed, &confirmed)
	if err != nil {
		return "", "", fmt.Errorf("identity: begin a second factor: %w", err)
	}
	if confirmed != nil {
		return "", "", ErrHasFactor
	}
	if secret, err = f.open(sealed, a.ID); err != nil {
		return "", "", err
	}
	q := key.URL()
	// The library writes a secret of its own; ours may be that of an hour ago.
	return secret, strings.Replace(q, "secret="+key.Secret(), "secret="+secret, 1), nil
}

// Confirm sets the second step up with a first code from the app, and returns
// the codes for paper, which are shown once. It returns ErrWrongCode,
// ErrHasFactor, or ErrNoFactor where Begin was never called.
func (f *Factors) Confirm(ctx context.Context, tx pgx.Tx, id AccountID, code string, now time.Time) ([]string, error) {
	secret, last, confirmed, err := f.read(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if confirmed {
		return nil, ErrHasFactor
	}
	step, err := stepOf(secret, code, last, now)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `
		UPDATE second_factors
		SET confirmed_at = $2, last_step = $3
		WHERE account_id = $1`, id, now, step); err != nil {
		return nil, fmt.Errorf("identity: confirm a second factor: %w", err)
	}
	codes, err := newCodes(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return codes, Record(ctx, tx, Entry{By: id, Action: "account.second_factor_set", Subject: fmt.Sprintf("account:%d", id)})
}

func (f *Factors) read(ctx context.Context, tx pgx.Tx, id AccountID) (secret string, last int64, confirmed bool, err error) {
	var sealed []byte
	err = tx.QueryRow(ctx, `
		SELECT secret, last_step, confirmed_at IS NOT NULL
		FROM second_factors
		WHERE account_id = $1
		FOR UPDATE`, id).Scan(&sealed, &last, &confirmed)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, false, ErrNoFactor
	}
	if err != nil {
		return "", 0, false, fmt.Errorf("identity: second factor of %d: %w", id, err)
	}
	secret, err = f.open(sealed, id)
	return secret, last, confirmed, err
}

// stepOf returns the half minute whose code this is: the one of now, or the one
// before or after for a clock that is a little wrong. Those up to last have had
// their turn. It returns ErrWrongCode.
func stepOf(secret, code string, last int64, now time.Time) (int64, error) {
	code = digits(code)
	this := now.Unix() / int64(codeTime/time.Second)
	for _, step := range []int64{this, this - 1, this + 1} {
		want, err := hotp.GenerateCode(secret, uint64(step))
		if err != nil {
			return 0, fmt.Errorf("identity: code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > last {
			return step, nil
		}
	}
	return 0, ErrWrongCode
}

// digits reads a code as people type it: in groups, in Arabic digits.
func digits(code string) string {
	return strings.NewReplacer(" ", "", "\u00a0", "", "-", "").Replace(lang.WesternDigits(code))
}

// Check takes a code from the app or one from paper; each opens once. It returns
// ErrWrongCode, or ErrNoFactor for an account without a second step. The caller
// counts the tries.
func (f *Factors) Check(ctx context.Context, tx pgx.Tx, id AccountID, code string, now time.Time) error {
	secret, last, confirmed, err := f.read(ctx, tx, id)
	if err != nil {
		return err
	}
	if !confirmed {
		return ErrNoFactor
	}
	step, err := stepOf(secret, code, last, now)
	if errors.Is(err, ErrWrongCode) {
		return usePaper(ctx, tx, id, code, now)
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE second_factors SET last_step = $2 WHERE account_id = $1`, id, step); err != nil {
		return fmt.Errorf("identity: code used: %w", err)
	}
	return nil
}

func paperHash(id AccountID, code string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "recovery code %d %s", id, strings.ToLower(digits(code))))
	return sum[:]
}

func usePaper(ctx context.Context, tx pgx.Tx, id AccountID, code string, now time.Time) error {
	tag, err := tx.Exec(ctx, `
		UPDATE recovery_codes
		SET used_at = $3
		WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL`, id, paperHash(id, code), now)
	if err != nil {
		return fmt.Errorf("identity: recovery code: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrWrongCode
	}
	return Record(ctx, tx, Entry{By: id, Action: "account.recovery_code_used", Subject: fmt.Sprintf("account:%d", id)})
}

// newCodes makes the codes on paper anew.
func newCodes(ctx context.Context, tx pgx.Tx, id AccountID) ([]string, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE account_id = $1`, id); err != nil {
		return nil, fmt.Errorf("identity: recovery codes: %w", err)
	}
	codes := make([]string, RecoveryCodes)
	hashes := make([][]byte, RecoveryCodes)
	for i := range codes {
		s := strings.ToLower(rand.Text())
		codes[i] = s[:5] + "-" + s[5:10]
		hashes[i] = paperHash(id, codes[i])
	}
	_, err := tx.Exec(ctx, `INSERT INTO recovery_codes (account_id, code_hash) SELECT $1, h FROM unnest($2::bytea[]) AS h`, id, hashes)
	if err != nil {
		return nil, fmt.Errorf("identity: recovery codes: %w", err)
	}
	return codes, nil
}

// NewRecoveryCodes replaces the codes on paper, for someone who shows a code. It
// returns ErrWrongCode or ErrNoFactor.
func (f *Factors) NewRecoveryCodes(ctx context.Context, tx pgx.Tx, id AccountID, code string, now time.Time) ([]string, error) {
	if err := f.Check(ctx, tx, id, code, now); err != nil {
		return nil, err
	}
	codes, err := newCodes(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return codes, Record(ctx, tx, Entry{By: id, Action: "account.recovery_codes_made", Subject: fmt.Sprintf("account:%d", id)})
}

// RemoveFactor takes an account's second step away: its owner may, and an
// administrator for someone whose phone is lost.
func RemoveFactor(ctx context.Context, tx pgx.Tx, id, by AccountID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE account_id = $1`, id); err != nil {
		return fmt.Errorf("identity: remove second factor: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM second_factors WHERE account_id = $1`, id); err != nil {
		return fmt.Errorf("identity: remove second factor: %w", err)
	}
	return Record(ctx, tx, Entry{By: by, Action: "account.second_factor_removed", Subject: fmt.Sprintf("account:%d", id)})
}
