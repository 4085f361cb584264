// Package ref holds names and what they point at. A value that exists is valid: the only ways to make one are Parse functions
// and UnmarshalText, which answer with a fault of kind Invalid that names the limit.
package ref

import (
	"fmt"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// maxName is the longest tenant or model name, in bytes: a DNS label (RFC 1035, 2.3.4), since both become parts of host names.
const maxName = 63

// Tenant is the name of a tenant: lowercase letters, digits and single dashes, 1 to 63.
type Tenant string

// ParseTenant returns s as a tenant's name. It fails with Invalid unless s has 1 to 63 lowercase letters, digits and single dashes between them.
func ParseTenant(s string) (Tenant, error) {
	if err := checkName("tenant", s); err != nil {
		return "", err
	}
	return Tenant(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseTenant does.
func (t *Tenant) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTenant(string(text))
	return err
}

// Name is the part of a model's name after the slash, formed as a tenant's is.
type Name string

// ParseName returns s as the part of a model's name after the slash. It fails as ParseTenant does.
func ParseName(s string) (Name, error) {
	if err := checkName("name", s); err != nil {
		return "", err
	}
	return Name(s), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseName does.
func (n *Name) UnmarshalText(text []byte) (err error) {
	*n, err = ParseName(string(text))
	return err
}

// Model names a model: "acme/fraud".
type Model struct {
	Tenant Tenant
	Name   Name
}

// ParseModel reads "tenant/name". It fails with Invalid if the slash is missing or a part is malformed.
func ParseModel(s string) (Model, error) {
	tenant, name, ok := strings.Cut(s, "/")
	if !ok {
		return Model{}, invalid("model", s, "is written tenant/name, like acme/fraud")
	}
	m := Model{}
	var err error
	if m.Tenant, err = ParseTenant(tenant); err != nil {
		return Model{}, err
	}
	if m.Name, err = ParseName(name); err != nil {
		return Model{}, err
	}
	return m, nil
}

// String returns "tenant/name"; the zero Model is "".
func (m Model) String() string {
	if m == (Model{}) {
		return ""
	}
	return string(m.Tenant) + "/" + string(m.Name)
}

// MarshalText implements encoding.TextMarshaler. It returns the text of String and never fails.
func (m Model) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseModel does.
func (m *Model) UnmarshalText(text []byte) (err error) {
	*m, err = ParseModel(string(text))
	return err
}

// checkName fails with Invalid (field what) unless s has 1 to 63 lowercase letters, digits and single dashes between them.
func checkName(what, s string) error {
	if len(s) > maxName || !isName(s) {
		return invalid(what, s, fmt.Sprintf("has 1 to %d lowercase letters, digits and single dashes between them", maxName))
	}
	return nil
}

// isName reports whether s is [a-z0-9](-?[a-z0-9])*. Each call of a model asks, so it takes no regular expression.
func isName(s string) bool {
	dash := true // as if one stood before: none may begin, follow another or end
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			dash = false
		case c == '-' && !dash:
			dash = true
		default:
			return false
		}
	}
	return !dash
}

// invalid returns the Invalid error (field what) of got, which breaks the rule: a predicate such as "is like ^1.2".
func invalid(what, got, rule string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("a %s %s; this is %s", what, rule, shorten(got)), fault.Field(what))
}

// shorten quotes outside text for a message: control characters escaped, 80 bytes at most.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q and %d bytes more", s[:most], len(s)-most)
	}
	return fmt.Sprintf("%q", s)
}
