package auth

import (
	"crypto/rand"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// APIKey is the credential maas_<id>_<secret>: the id names the row, the secret is known to its holder alone.
type APIKey struct {
	ID     string // 26 characters
	Secret string // 52 characters, 256 bits
}

const keyPrefix = "maas_"

// NewAPIKey returns a new random key.
func NewAPIKey() APIKey {
	return APIKey{ID: strings.ToLower(rand.Text()), Secret: strings.ToLower(rand.Text() + rand.Text())}
}

// IsAPIKey reports whether a credential begins like an API key, and so is no access token. It may still be malformed.
func IsAPIKey(credential string) bool { return strings.HasPrefix(credential, keyPrefix) }

// IsAPIKeyID reports whether id has the form of a key's id. What has not may not even be valid text for the database.
func IsAPIKeyID(id string) bool { return len(id) == 26 && isText(id) }

// isText reports whether all characters are of rand.Text's alphabet (RFC 4648, 6) in lowercase.
func isText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// ParseAPIKey parses a credential. It fails with Unauthenticated if it does not have the form of an API key.
func ParseAPIKey(credential string) (APIKey, error) {
	id, secret, ok := strings.Cut(strings.TrimPrefix(credential, keyPrefix), "_")
	if !IsAPIKey(credential) || !ok || !IsAPIKeyID(id) || len(secret) != 52 || !isText(secret) {
		return APIKey{}, fault.New(fault.Unauthenticated, "The API key is not valid.")
	}
	return APIKey{ID: id, Secret: secret}, nil
}

// String returns the whole credential, with its secret. It is shown to the key's maker once.
func (k APIKey) String() string { return keyPrefix + k.ID + "_" + k.Secret }
