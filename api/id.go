package api

import (
	"encoding/hex"

	"github.com/17882237881/MaaS/api/fault"
)

// ID identifies a resource for ever: a UUID (RFC 9562). The zero ID stands for none.
type ID [16]byte

const textLength = 36 // of a UUID, in bytes

// ParseID reads a UUID as 36 characters: "0198f6c2-8d3e-7b6a-9f10-2f4f5a3c7d11". It fails with Invalid for any other form.
func ParseID(s string) (id ID, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

// IsZero reports whether the ID stands for none.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the UUID in lowercase.
func (id ID) String() string {
	text, _ := id.AppendText(nil) // never fails
	return string(text)
}

// AppendText appends the UUID in lowercase, and never fails.
func (id ID) AppendText(text []byte) ([]byte, error) {
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, part)
	}
	return text, nil
}

// MarshalText returns the UUID in lowercase, and never fails.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(make([]byte, 0, textLength)) }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseID does.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != textLength || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return malformedID()
	}
	digits := make([]byte, 0, 2*len(id))
	for _, part := range [...][]byte{text[:8], text[9:13], text[14:18], text[19:23], text[24:]} {
		digits = append(digits, part...)
	}
	if _, err := hex.Decode(id[:], digits); err != nil {
		return malformedID()
	}
	return nil
}

// malformedID returns the Invalid error of a malformed UUID.
func malformedID() error {
	return fault.InvalidField("id", "an id is a UUID of 36 characters, like 0198f6c2-8d3e-7b6a-9f10-2f4f5a3c7d11")
}
