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

// OpenSigner derives the key.
func OpenSigner(e *env.Env) (Signer, error) {
	key, err := e.ServiceKey("event signatures")
	return Signer{key}, err
}

func (s Signer) sign(e Event) string { return base64.RawURLEncoding.EncodeToString(s.mac(e)) }

func (s Signer) good(e Event, signature string) bool {
	given, err := base64.RawURLEncoding.DecodeString(signature)
	return err == nil && hmac.Equal(given, s.mac(e))
}

func (s Signer) mac(e Event) []byte {
	mac := hmac.New(sha256.New, s.key)
	for _, part := range [][]byte{[]byte(e.ID.String()), []byte(e.Type), []byte(e.Tenant.String()), compact(e.Data)} {
		writePart(mac, part)
	}
	return mac.Sum(nil)
}

// compact takes the insignificant space out of JSON, as which a broker may lay it out anew; what is none stays as it is.
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

// writePart writes the length first, so that no two lists of parts give the same bytes.
func writePart(mac hash.Hash, part []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	mac.Write(length[:])
	mac.Write(part)
}
