package identity

import (
	"regexp"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// Email is a user's address in lowercase, at most 254 bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
type Email string

const (
	maxEmail = 254
	maxLocal = 64 // RFC 5321, 4.5.3.1.1
)

// As HTML defines a valid address (WHATWG HTML, 4.10.5.1.5), with a dot in the domain: a bare host is a typing mistake.
var emailPattern = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@" + label + `(\.` + label + ")+$")

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

// ParseEmail reads an address, in any case.
func ParseEmail(s string) (Email, error) {
	address := strings.ToLower(s)
	if len(address) > maxEmail || strings.IndexByte(address, '@') > maxLocal || !emailPattern.MatchString(address) {
		return "", fault.New(fault.Invalid, "an email is an address like ana@example.com, of 254 bytes at most", fault.Field("email"))
	}
	return Email(address), nil
}

// UnmarshalText is ParseEmail, for decoders.
func (e *Email) UnmarshalText(text []byte) (err error) {
	*e, err = ParseEmail(string(text))
	return err
}

// local is what stands before the @.
func (e Email) local() string {
	name, _, _ := strings.Cut(string(e), "@")
	return name
}

// Username is another name to sign in with: 1 to 63 lowercase letters, digits and . _ - between them.
type Username string

var usernamePattern = regexp.MustCompile("^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")

// ParseUsername reads a username, in any case.
func ParseUsername(s string) (Username, error) {
	name := strings.ToLower(s)
	if !usernamePattern.MatchString(name) {
		return "", fault.New(fault.Invalid, "a username has 1 to 63 letters, digits and . _ - between them", fault.Field("username"))
	}
	return Username(name), nil
}

// UnmarshalText is ParseUsername, for decoders.
func (u *Username) UnmarshalText(text []byte) (err error) {
	*u, err = ParseUsername(string(text))
	return err
}
