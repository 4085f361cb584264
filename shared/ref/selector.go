package ref

import (
	"fmt"
	"regexp"
	"strings"
)

// Alias is a name that moves from version to version: latest, v1, v1.4, production.
type Alias string

// Latest is the alias of the highest published release that is ready.
const Latest Alias = "latest"

var (
	aliasPattern   = regexp.MustCompile(`^[a-z][a-z0-9]*([.-][a-z0-9]+)*$`)
	derivedPattern = regexp.MustCompile(`^(latest|v(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?)$`)
)

// ParseAlias checks an alias: it begins with a lowercase letter and has lowercase letters, digits, and single dots and dashes between them, 63 at most.
// What reads as a range (x, 1.x) is none.
func ParseAlias(s string) (Alias, error) {
	if len(s) > maxName || !aliasPattern.MatchString(s) || s == "x" {
		return "", invalid("alias", s, fmt.Sprintf(
			"begins with a lowercase letter and has up to %d lowercase letters, digits, and single dots and dashes between them", maxName))
	}
	return Alias(s), nil
}

// Derived reports whether the alias follows the published versions by itself (latest, vN, vN.M) and cannot be set.
func (a Alias) Derived() bool { return derivedPattern.MatchString(string(a)) }

// UnmarshalText is ParseAlias, for decoders.
func (a *Alias) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAlias(string(text))
	return err
}

// Aliases gives the aliases that follow v by themselves once it is published: none for a pre-release.
func (v Version) Aliases() []Alias {
	if v.Prerelease() != "" {
		return nil
	}
	return []Alias{Latest, Alias(fmt.Sprintf("v%d", v.Major())), Alias(fmt.Sprintf("v%d.%d", v.Major(), v.Minor()))}
}

// Selector is the part after the @ of a reference: exactly one of a version, an alias or a range. The zero Selector means latest.
type Selector struct {
	version Version
	alias   Alias
	rng     Range
}

// ParseSelector reads what stands after the @: a version, else an alias, else a range; "" is latest.
func ParseSelector(s string) (Selector, error) {
	if s == "" {
		return Selector{alias: Latest}, nil
	}
	if v, err := ParseVersion(s); err == nil {
		return Selector{version: v}, nil
	}
	if a, err := ParseAlias(s); err == nil {
		return Selector{alias: a}, nil
	}
	if r, err := ParseRange(s); err == nil {
		return Selector{rng: r}, nil
	}
	return Selector{}, invalid("ref", s, "is a version (1.4.0), an alias (latest, v1, production) or a range (^1.2, ~1.4, 1.x)")
}

// Exact selects one version.
func Exact(v Version) Selector { return Selector{version: v} }

// Version gives the version, if the selector is one.
func (s Selector) Version() (Version, bool) { return s.version, !s.version.IsZero() }

// Alias gives the alias, if the selector is one.
func (s Selector) Alias() (Alias, bool) {
	if s == (Selector{}) {
		return Latest, true
	}
	return s.alias, s.alias != ""
}

// Range gives the range, if the selector is one.
func (s Selector) Range() (Range, bool) { return s.rng, s.rng.c != nil }

// String is the selector as written; the zero Selector is "latest".
func (s Selector) String() string {
	switch {
	case !s.version.IsZero():
		return s.version.String()
	case s.rng.c != nil:
		return s.rng.text
	case s.alias != "":
		return string(s.alias)
	default:
		return string(Latest)
	}
}

// MarshalText is String, for encoders.
func (s Selector) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSelector, for decoders.
func (s *Selector) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSelector(string(text))
	return err
}

// Target is a whole reference: "acme/fraud@1.4.0", "acme/fraud@production", "acme/fraud".
type Target struct {
	Model    Model
	Selector Selector
}

// ParseTarget reads "tenant/name[@ref]".
func ParseTarget(s string) (Target, error) {
	model, selector, _ := strings.Cut(s, "@")
	m, err := ParseModel(model)
	if err != nil {
		return Target{}, err
	}
	sel, err := ParseSelector(selector)
	if err != nil {
		return Target{}, err
	}
	return Target{m, sel}, nil
}

// String is "tenant/name@ref".
func (t Target) String() string { return t.Model.String() + "@" + t.Selector.String() }
