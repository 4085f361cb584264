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

// NewAPIKey returns a key from the system's randomness. rand.Text gives 26 characters of base 32, 130 bits.
func NewAPIKey() APIKey {
	return APIKey{ID: strings.ToLower(rand.Text()), Secret: strings.ToLower(rand.Text() + rand.Text())}
}

// IsAPIKey reports whether a credential has an API key's form, rather than an access token's.
func IsAPIKey(credential string) bool { return strings.HasPrefix(credential, keyPrefix) }

// IsAPIKeyID reports whether an id has the form of a key's. What has not, may not even be text.
func IsAPIKeyID(id string) bool { return len(id) == 26 && isText(id) }

// isText reports whether all is of rand.Text's alphabet (RFC 4648, 6), in lower case.
func isText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// ParseAPIKey takes a credential apart. It fails with Unauthenticated, since what is malformed is no key of ours.
func ParseAPIKey(credential string) (APIKey, error) {
	id, secret, ok := strings.Cut(strings.TrimPrefix(credential, keyPrefix), "_")
	if !IsAPIKey(credential) || !ok || !IsAPIKeyID(id) || len(secret) != 52 || !isText(secret) {
		return APIKey{}, fault.New(fault.Unauthenticated, "The API key is not valid.")
	}
	return APIKey{ID: id, Secret: secret}, nil
}

// String returns the whole credential. It is shown once, to the key's maker.
func (k APIKey) String() string { return keyPrefix + k.ID + "_" + k.Secret }
