package cloudevent

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash"
	"slices"

	"github.com/17882237881/MaaS/shared/env"
)

// Signer signs events and checks their signatures: an HMAC-SHA-256 over id, type, tenant and data, with a key derived from MAAS_SERVICE_KEY.
type Signer struct{ key []byte }

// OpenSigner returns a Signer with a key derived from MAAS_SERVICE_KEY. It fails if the variable is unset or malformed.
func OpenSigner(e *env.Env) (Signer, error) {
	key, err := e.ServiceKey("event signatures")
	return Signer{key}, err
}

// sign returns the event's signature as its extension has it.
func (s Signer) sign(e Event) string { return base64.RawURLEncoding.EncodeToString(s.mac(e)) }

// good reports whether the signature was made of this event with the Signer's key.
func (s Signer) good(e Event, signature string) bool {
	given, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && hmac.Equal(given, s.mac(e))
}

// mac returns the HMAC of the event's id, type, tenant and data.
func (s Signer) mac(e Event) []byte {
	mac := hmac.New(sha256.New, s.key)
	for _, part := range [][]byte{[]byte(e.ID.String()), []byte(e.Type), []byte(e.Tenant.String()), compact(e.Data)} {
		writePart(mac, part)
	}
	return mac.Sum(nil)
}

// compact removes insignificant space from JSON, which a broker may add or remove under way. It returns data that is not valid JSON as it is.
func compact(data []byte) []byte {
	space := func(c byte) bool { return bytes.IndexByte(data, c) >= 0 }
	if !slices.ContainsFunc([]byte(" \t\r\n"), space) { // most has none, and to see that costs a tenth
		return data
	}
	var out bytes.Buffer
	if json.Compact(&out, data) != nil {
		return data
	}
	return out.Bytes()
}

// writePart writes the part's length and the part, so that no two lists of parts give the same bytes.
func writePart(mac hash.Hash, part []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	mac.Write(length[:])
	mac.Write(part)
}
