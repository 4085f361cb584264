package identity

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/17882237881/MaaS/api/fault"
)

// Password is a password as it was typed, in Unicode's form C, so that it is the same from every keyboard (RFC 8265, 4.2).
// It prints as nothing, wherever it ends up.
type Password string

// The bounds of a password's length, in characters. The lower one is for new passwords (NIST SP 800-63B asks for 8).
const (
	minPassword = 12
	maxPassword = 128
)

// ParsePassword takes what was typed. It does not judge it: a password that is in use may be older than a rule.
func ParsePassword(s string) (Password, error) {
	if !utf8.ValidString(s) || s == "" || utf8.RuneCountInString(s) > maxPassword {
		return "", fault.New(fault.Invalid, fmt.Sprintf("a password has 1 to %d characters", maxPassword), fault.Field("password"))
	}
	return Password(norm.NFC.String(s)), nil
}

// UnmarshalText is ParsePassword, for decoders.
func (p *Password) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePassword(string(text))
	return err
}

// MarshalText hides the password from logs and encoders.
func (Password) MarshalText() ([]byte, error) { return []byte("(hidden)"), nil }

// String hides the password from formatting.
func (Password) String() string { return "(hidden)" }

// minLocal is the shortest name that a password is searched for: shorter ones are parts of many words.
const minLocal = 4

// judge refuses a new password that is short, contains the user's names, or is common. field is the input that the answer names.
func (p Password) judge(field string, email Email, username *Username) error {
	refuse := func(message string) error { return fault.New(fault.Invalid, message, fault.Field(field)) }
	if utf8.RuneCountInString(string(p)) < minPassword {
		return refuse(fmt.Sprintf("a password has %d to %d characters", minPassword, maxPassword))
	}
	lower := strings.ToLower(string(p))
	if strings.Contains(lower, string(email)) || len(email.local()) >= minLocal && strings.Contains(lower, email.local()) {
		return refuse("the password must not contain your email")
	}
	if username != nil && len(*username) >= minLocal && strings.Contains(lower, string(*username)) {
		return refuse("the password must not contain your username")
	}
	if isCommon(lower) {
		return refuse("this password is among the first that an attacker tries; choose another, of several unrelated words, say")
	}
	return nil
}
