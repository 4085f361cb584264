package settings

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// minServiceKey is the fewest bytes of MAAS_SERVICE_KEY: as many as the hash has (RFC 2104, 3).
const minServiceKey = sha256.Size

// ServiceKey derives a key of 32 bytes from MAAS_SERVICE_KEY for one use, which the label names ("page tokens"), so that what one use signs is
// worth nothing to another (HKDF, RFC 5869, with SHA-256). It fails if the variable is not set or has fewer than 32 bytes.
func (s Settings) ServiceKey(label string) ([]byte, error) {
	secret, err := s.Secret("MAAS_SERVICE_KEY")
	if err != nil {
		return nil, err
	}
	if secret == "" {
		return nil, errors.New("MAAS_SERVICE_KEY is not set: it is the secret that the functions of an installation share")
	}
	if len(secret) < minServiceKey {
		return nil, fmt.Errorf("MAAS_SERVICE_KEY has %d bytes; it needs %d or more", len(secret), minServiceKey)
	}
	return hkdf.Key(sha256.New, []byte(secret), nil, "maas "+label, sha256.Size)
}
