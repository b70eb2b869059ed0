package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"kissaria.ma/internal/fault"
)

// Argon2id at the first of the settings that RFC 9106 and OWASP hold equal for
// a server: 19 MiB, two passes, one lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32 // bytes
	argonSalt   = 16 // bytes
)

// hashing bounds how many passwords are hashed at once, and so the memory that
// a flood of sign-ins can take: 4 × 19 MiB.
var hashing = make(chan struct{}, 4)

// MinPassword is the shortest password that is accepted, in characters.
const MinPassword = 10

// maxPassword keeps a very long one from being work.
const maxPassword = 200 // bytes

// ErrWeakPassword is returned for a password that is too short or too long.
var ErrWeakPassword = fault.New(fault.Invalid, "sign_in.weak")

// HashPassword returns the Argon2id hash of a password in PHC form, or
// ErrWeakPassword.
func HashPassword(ctx context.Context, password string) (string, error) {
	if len([]rune(password)) < MinPassword || len(password) > maxPassword {
		return "", ErrWeakPassword.With(MinPassword)
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails: the program would end
	key, err := derive(ctx, password, salt, argonPasses, argonMemory, argonLanes, argonKey)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// checkPassword compares in constant time. The cost is read from the hash, so
// that it can be raised later.
func checkPassword(ctx context.Context, password, hash string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("identity: not an Argon2id hash")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil {
		return false, fmt.Errorf("identity: read hash: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("identity: read salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, fmt.Errorf("identity: read key: %w", err)
	}
	key, err := derive(ctx, password, salt, passes, memory, lanes, uint32(len(want)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, want) == 1, nil
}

func derive(ctx context.Context, password string, salt []byte, passes, memory uint32, lanes uint8, size uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, passes, memory, lanes, size), nil
}

// nobodysHash takes as long to check as anyone's and fits no password.
var nobodysHash = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
	base64.RawStdEncoding.EncodeToString(make([]byte, argonSalt)), base64.RawStdEncoding.EncodeToString(make([]byte, argonKey)))
