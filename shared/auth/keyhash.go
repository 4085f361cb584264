package auth

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/17882237881/MaaS/shared/env"
)

// KeyHash turns an API key's secret into what is stored and sent instead of it: HMAC-SHA-256, keyed so that a stolen table of hashes
// says nothing about which key is in it. It is safe for concurrent use.
type KeyHash struct{ key []byte }

// OpenKeyHash returns a KeyHash with a key derived from MAAS_SERVICE_KEY. It fails if the variable is unset or malformed.
func OpenKeyHash(e *env.Env) (KeyHash, error) {
	key, err := e.ServiceKey("API keys")
	return KeyHash{key}, err
}

// Of returns the hash of a credential, 32 bytes. It covers the id too, so that the hash is of no use with another id.
func (h KeyHash) Of(k APIKey) []byte {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(k.String()))
	return mac.Sum(nil)
}
