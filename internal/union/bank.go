package union

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A Seal encrypts bank details at rest, with AES-256-GCM under SECRET_KEY.
type Seal struct{ gcm cipher.AEAD }

// NewSeal makes a seal from the program's secret key, of any length.
func NewSeal(secretKey string) (*Seal, error) {
	if secretKey == "" {
		return nil, errors.New("union: no secret key to seal bank details with")
	}
	key := sha256.Sum256([]byte("kissaria bank details " + secretKey))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("union: seal: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("union: seal: %w", err)
	}
	return &Seal{gcm}, nil
}

// Close encrypts an account number for the artisan of that slug; it opens for
// no other.
func (s *Seal) Close(account, slug string) []byte {
	nonce := make([]byte, s.gcm.NonceSize())
	rand.Read(nonce) // never fails: the program would end
	return s.gcm.Seal(nonce, nonce, []byte(account), []byte(slug))
}

// Open returns what Close was given, or an error for another slug or key.
func (s *Seal) Open(sealed []byte, slug string) (string, error) {
	n := s.gcm.NonceSize()
	if len(sealed) < n {
		return "", errors.New("union: open seal: too short")
	}
	b, err := s.gcm.Open(nil, sealed[:n], sealed[n:], []byte(slug))
	if err != nil {
		return "", fmt.Errorf("union: open seal: %w", err)
	}
	return string(b), nil
}

// ValidRIB reports whether s is a Moroccan bank account number: 24 digits that
// leave no rest divided by 97.
func ValidRIB(s string) bool {
	if len(s) != 24 {
		return false
	}
	rest := 0
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
		rest = (rest*10 + int(r-'0')) % 97
	}
	return rest == 0
}
