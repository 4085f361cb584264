package identity

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// minPassword is the least length of a new password, in characters (NIST SP 800-63B asks for 8).
const minPassword = 12

// normal returns the password in Unicode's form C, which is the same from every keyboard (RFC 8265, 4.2).
func normal(p api.Password) string { return norm.NFC.String(string(p)) }

// minLocal is the shortest name that a password is searched for: shorter ones are parts of many words.
const minLocal = 4

// judge fails with Invalid for a new password that is too short, contains the user's email or username, or is common. A nil username is not looked
// for. The fault names the field.
func judge(p api.Password, field string, email api.Email, username *api.Username) error {
	refuse := func(message string) error { return fault.New(fault.Invalid, message, fault.Field(field)) }
	if utf8.RuneCountInString(normal(p)) < minPassword {
		return refuse(fmt.Sprintf("a password has %d to %d characters", minPassword, api.MaxPassword))
	}
	lower := strings.ToLower(normal(p))
	if strings.Contains(lower, string(email)) || len(local(email)) >= minLocal && strings.Contains(lower, local(email)) {
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
