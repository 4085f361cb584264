package ref

import (
	"fmt"
	"path"
	"strings"
)

// Pattern names models of one tenant: one by its whole name, "acme/fraud", or all whose names it matches, "acme/fraud-*", where each * stands for any
// number of characters.
type Pattern struct {
	Tenant Tenant
	Name   string // lowercase letters, digits, dashes and *
}

// ParsePattern reads "tenant/name", where the name may have *, but must not begin with one unless it is "*". It fails with Invalid for any other form.
func ParsePattern(s string) (Pattern, error) {
	tenant, name, _ := strings.Cut(s, "/")
	if !strings.Contains(name, "*") {
		m, err := ParseModel(s)
		return Exactly(m), err
	}
	t, err := ParseTenant(tenant)
	if err != nil {
		return Pattern{}, err
	}
	if len(name) > maxName || strings.HasPrefix(name, "*") && name != "*" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-*") != "" {
		return Pattern{}, invalid("pattern of models", s, fmt.Sprintf(
			"has a name of 1 to %d lowercase letters, digits, dashes and *, which is not the first of several, like acme/fraud-*", maxName))
	}
	return Pattern{t, name}, nil
}

// Exactly returns the pattern that is a model's whole name.
func Exactly(m Model) Pattern { return Pattern{m.Tenant, string(m.Name)} }

// Exact returns the name of the one model that the pattern names, and reports whether it is such a pattern.
func (p Pattern) Exact() (Model, bool) {
	if strings.Contains(p.Name, "*") {
		return Model{}, false
	}
	return Model{p.Tenant, Name(p.Name)}, true
}

// Matches reports whether the pattern names a model.
func (p Pattern) Matches(m Model) bool {
	ok, err := path.Match(p.Name, string(m.Name)) // of its special characters a pattern has none but *, and a name has no slash
	return err == nil && ok && p.Tenant == m.Tenant
}

// String returns "tenant/name"; the zero Pattern is "".
func (p Pattern) String() string {
	if p == (Pattern{}) {
		return ""
	}
	return string(p.Tenant) + "/" + p.Name
}

// MarshalText implements encoding.TextMarshaler. It returns the text of String and never fails.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParsePattern does.
func (p *Pattern) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePattern(string(text))
	return err
}
