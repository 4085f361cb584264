package api

import (
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Password is a password as it was typed. Neither formatting nor encoding shows it.
type Password string

// MaxPassword is the longest password, in characters.
const MaxPassword = 128

// ParsePassword returns a password as it was typed. It fails with Invalid unless the password has 1 to MaxPassword
// characters. It does not check the rules for new passwords, since existing ones may be older than a rule.
func ParsePassword(s string) (Password, error) {
	if !utf8.ValidString(s) || s == "" || utf8.RuneCountInString(s) > MaxPassword {
		return "", fault.New(fault.Invalid, fmt.Sprintf("a password has 1 to %d characters", MaxPassword), fault.Field("password"))
	}
	return Password(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParsePassword does.
func (p *Password) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePassword(string(text))
	return err
}

// MarshalText hides the password from logs and encoders.
func (Password) MarshalText() ([]byte, error) { return []byte("(hidden)"), nil }

// String hides the password from formatting.
func (Password) String() string { return "(hidden)" }

// Tokens is what a session is used with (RFC 6749, 5.1).
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token"`
}

// SetHeader keeps tokens out of caches (RFC 6749, 5.1).
func (Tokens) SetHeader(h http.Header) { h.Set("Cache-Control", "no-store") }

// RefreshRequest asks for new tokens. With Tenant the access token is for another of the user's tenants.
type RefreshRequest struct {
	RefreshToken string      `json:"refresh_token"`
	Tenant       *ref.Tenant `json:"tenant"`
}

// LogoutRequest asks for the end of the session that a refresh token belongs to.
type LogoutRequest struct {
	RefreshToken string `json:"refresh_token"`
}

// LoginRequest asks for a session, by email or by username. Members of several tenants give Tenant.
type LoginRequest struct {
	Email    *Email      `json:"email"`
	Username *Username   `json:"username"`
	Password Password    `json:"password"`
	Tenant   *ref.Tenant `json:"tenant"`
}

// ChangePasswordRequest asks for a new password in place of the old one.
type ChangePasswordRequest struct {
	Old Password `json:"old"`
	New Password `json:"new"`
}
