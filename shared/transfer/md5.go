package transfer

import (
	"crypto/md5" //nolint:gosec // what a client's mirror publishes; trust rests on SHA-256
	"encoding/hex"

	"github.com/17882237881/MaaS/api/fault"
)

// MD5 is a digest that a client's mirror publishes, in 32 lowercase hexadecimal digits; "" is none. It finds accidents, not attacks.
type MD5 string

// UnmarshalText reads 32 lowercase hexadecimal digits, or nothing.
func (m *MD5) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if len(text) != 0 && (err != nil || len(raw) != md5.Size || hex.EncodeToString(raw) != string(text)) {
		return fault.New(fault.Invalid, "An MD5 has 32 lowercase hexadecimal digits.", fault.Field("md5"))
	}
	*m = MD5(text)
	return nil
}
