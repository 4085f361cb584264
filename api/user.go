package api

import (
	"regexp"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Email is a user's address in lowercase, at most 254 bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
type Email string

const (
	maxEmail = 254
	maxLocal = 64 // RFC 5321, 4.5.3.1.1
)

// emailPattern is a valid address as HTML defines it (WHATWG HTML, 4.10.5.1.5), with a dot in the domain: a bare host is a typing mistake.
var emailPattern = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@" + label + `(\.` + label + ")+$")

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

// ParseEmail returns an address, written in any case, in lowercase. It fails with Invalid unless it is like ana@example.com, with 254 bytes at most, 64 of
// them before the @.
func ParseEmail(s string) (Email, error) {
	address := strings.ToLower(s)
	if len(address) > maxEmail || strings.IndexByte(address, '@') > maxLocal || !emailPattern.MatchString(address) {
		return "", fault.New(fault.Invalid, "an email is an address like ana@example.com, of 254 bytes at most", fault.Field("email"))
	}
	return Email(address), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseEmail does.
func (e *Email) UnmarshalText(text []byte) (err error) {
	*e, err = ParseEmail(string(text))
	return err
}

// Username is another name to sign in with: 1 to 63 lowercase letters, digits and . _ - between them.
type Username string

var usernamePattern = regexp.MustCompile("^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")

// ParseUsername returns a username, written in any case, in lowercase. It fails with Invalid unless it has 1 to 63 letters, digits and . _ - between them.
func ParseUsername(s string) (Username, error) {
	name := strings.ToLower(s)
	if !usernamePattern.MatchString(name) {
		return "", fault.New(fault.Invalid, "a username has 1 to 63 letters, digits and . _ - between them", fault.Field("username"))
	}
	return Username(name), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseUsername does.
func (u *Username) UnmarshalText(text []byte) (err error) {
	*u, err = ParseUsername(string(text))
	return err
}

// Registration is the answer to a RegisterRequest.
type Registration struct {
	User   User       `json:"user"`
	Tenant ref.Tenant `json:"tenant"`
}

// User is a person, as seen in one tenant.
type User struct {
	ID        ID         `json:"id"`
	Email     Email      `json:"email"`
	Username  *Username  `json:"username,omitempty"`
	Tenant    ref.Tenant `json:"tenant"`
	Roles     []Role     `json:"roles"`
	CreatedAt time.Time  `json:"created_at"`
}

// Membership is what a user is in a tenant.
type Membership struct {
	Tenant ref.Tenant `json:"tenant"`
	Roles  []Role     `json:"roles"`
}

// Me is the caller: a user with their tenants, or an API key. Of its maker a key is told nothing: whoever has it need not be them.
type Me struct {
	Tenant    ref.Tenant   `json:"tenant"`
	ID        *ID          `json:"id,omitempty"` // of a user, as all below but the last two
	Email     *Email       `json:"email,omitempty"`
	Username  *Username    `json:"username,omitempty"`
	Roles     []Role       `json:"roles,omitempty"`
	CreatedAt *time.Time   `json:"created_at,omitempty"`
	Tenants   []Membership `json:"tenants,omitempty"`
	Key       *Key         `json:"key,omitempty"`    // an API key, without its secret
	Scopes    []Permission `json:"scopes,omitempty"` // of an API key
}

// RegisterRequest asks for a new user, and for a new tenant that they own.
type RegisterRequest struct {
	Email    Email      `json:"email"`
	Password Password   `json:"password"`
	Tenant   ref.Tenant `json:"tenant"`
	Username *Username  `json:"username"`
}
