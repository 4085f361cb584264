package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// KeyName is what people call a key: 1 to 100 characters without control characters.
type KeyName string

const maxKeyName = 100

// UnmarshalText reads a key's name. It fails with Invalid unless the name has 1 to 100 characters, none a control character, and is not all white space.
func (n *KeyName) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.TrimSpace(s) == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxKeyName || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.New(fault.Invalid, fmt.Sprintf("a key's name has 1 to %d characters, none of them a control character", maxKeyName), fault.Field("name"))
	}
	*n = KeyName(s)
	return nil
}

// Key is an API key, without its secret except in the answer to its maker.
type Key struct {
	ID         string        `json:"id"`
	Name       KeyName       `json:"name"`
	Scopes     []Permission  `json:"scopes"`
	Models     []ref.Pattern `json:"models"`   // null for all; names and patterns otherwise
	Bindings   []KeyBinding  `json:"bindings"` // null for all; one for each of models otherwise
	ExpiresAt  *time.Time    `json:"expires_at"`
	LastUsedAt *time.Time    `json:"last_used_at"` // exact to a minute
	CreatedAt  time.Time     `json:"created_at"`
	Secret     string        `json:"secret,omitempty"` // the whole credential, once
}

// KeyBinding says which model a key's limit leads to: a name to the model that had it when the key was made, a pattern to all models whose names match.
type KeyBinding struct {
	Model ref.Pattern `json:"model"`
	ID    *ID         `json:"id"`   // of the model that a name is bound to; null for a pattern, and where there was no model
	Gone  bool        `json:"gone"` // there is no such model: a name that leads to none, for it is another model's if it is used again
}

// WithoutSecrets returns the key without its secret. A repetition of the request that made the key is answered with it.
func (k Key) WithoutSecrets() any {
	k.Secret = ""
	return k
}

// SetHeader keeps a key that has its secret out of caches (Cache-Control: no-store).
func (k Key) SetHeader(h http.Header) {
	if k.Secret != "" {
		h.Set("Cache-Control", "no-store")
	}
}

// CreateKeyRequest asks for a key that may do at most what its scopes say, to at most the models that it lists. A name stands for the model that has it now,
// and for none that has it later; a pattern like acme/fraud-* for all models whose names match, now and later.
type CreateKeyRequest struct {
	Name      KeyName       `json:"name"`
	Scopes    []Scope       `json:"scopes"`
	Models    []ref.Pattern `json:"models,omitempty"`
	ExpiresAt *time.Time    `json:"expires_at"`
}

// ListKeysRequest asks for a page of the tenant's keys, the newest first.
type ListKeysRequest struct {
	page.Request
}

// DeleteKeyRequest names a key to delete.
type DeleteKeyRequest struct {
	ID string `path:"id"`
}
