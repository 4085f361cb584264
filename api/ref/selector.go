package ref

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// Alias is a name that moves from version to version: latest, v1, v1.4, production.
type Alias string

// Latest is the alias of the highest published release that is ready.
const Latest Alias = "latest"

var (
	aliasPattern   = regexp.MustCompile(`^[a-z][a-z0-9]*([.-][a-z0-9]+)*$`)
	derivedPattern = regexp.MustCompile(`^(latest|v(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?)$`)
	// versionLike is what people write for a version or a range, whether or not it is one: 1.4, v1.4.0, v01, V1, 1.x, vx, ^1, ~1.4, >=2.
	versionLike = regexp.MustCompile(`^[\^~=<>!]|^([vV]?[0-9]+(\.[0-9xX*]+)*|[vV]?[0-9]+(\.[0-9]+){2,}[-+].*|[vV]?[xX*](\.[xX*])*)$`)
)

// ParseAlias checks the form of an alias: it begins with a lowercase letter and has lowercase letters, digits, and single dots and dashes between them, 63
// at most. It fails with Unprocessable for what has another form and reads like a version or a range (V1, 1.x, ^1), and with Invalid for any other.
func ParseAlias(s string) (Alias, error) {
	switch {
	case len(s) <= maxName && aliasPattern.MatchString(s) && s != "x":
		return Alias(s), nil
	case versionLike.MatchString(s):
		return "", readsAsVersion(s)
	default:
		return "", invalid("alias", s, fmt.Sprintf(
			"begins with a lowercase letter and has up to %d lowercase letters, digits, and single dots and dashes between them", maxName))
	}
}

// CheckSettable fails with Unprocessable for an alias that nobody can set: one that follows the published versions by itself (latest, v1, v1.4), and
// one that reads like a version or a range (v1.4.0, v1.x, v01), since a reference by that name could be meant as the other.
func (a Alias) CheckSettable() error {
	switch {
	case a.Derived():
		return fault.New(fault.Unprocessable, fmt.Sprintf("%s follows the published versions by itself: it can be rolled back, not set.", a), fault.Field("alias"))
	case versionLike.MatchString(string(a)):
		return readsAsVersion(string(a))
	default:
		return nil
	}
}

// readsAsVersion returns the Unprocessable error of an alias that reads like a version or a range.
func readsAsVersion(alias string) error {
	const refusal = "An alias cannot be called %s, which reads like a version or a range; choose a name like production."
	return fault.New(fault.Unprocessable, fmt.Sprintf(refusal, shorten(alias)), fault.Field("alias"))
}

// Derived reports whether the alias follows the published versions by itself (latest, vN, vN.M) and cannot be set.
func (a Alias) Derived() bool { return derivedPattern.MatchString(string(a)) }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseAlias does.
func (a *Alias) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAlias(string(text))
	return err
}

// Aliases returns the aliases that follow v by themselves once it is published: none for a pre-release. v must not be zero.
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

// ParseSelector parses what stands after the @ of a reference: a version, else an alias that there can be, else a range; "" is latest. It fails with
// Invalid for what is none of them, and proposes the spelling that was probably meant ("v1.4.0", "01.4.0", "1.4.0 ").
func ParseSelector(s string) (Selector, error) {
	selector, ok := selectorOf(s)
	switch {
	case ok:
		return selector, nil
	case strings.TrimSpace(s) != s && s != "":
		return Selector{}, invalid("ref", s, "has no white space around it"+meant(s))
	case vVersion.MatchString(s):
		return Selector{}, invalid("ref", s, "is written without a v before a version's three numbers or a range"+meant(s))
	default:
		return Selector{}, invalid("ref", s, "is a version (1.4.0), an alias (latest, v1, production) or a range (^1.2, ~1.4, 1.x)"+meant(s))
	}
}

// selectorOf is like ParseSelector, but reports false for what is no selector.
func selectorOf(s string) (Selector, bool) {
	if s == "" {
		return Selector{alias: Latest}, true
	}
	if v, broken := strictVersion(s); broken == "" {
		return Selector{version: v}, true
	}
	if a, err := ParseAlias(s); err == nil && (a.Derived() || a.CheckSettable() == nil) {
		return Selector{alias: a}, true
	}
	if r, err := ParseRange(s); err == nil {
		return Selector{rng: r}, true
	}
	return Selector{}, false
}

var (
	// vVersion is a version or a range with a v before it.
	vVersion = regexp.MustCompile(`^[vV][0-9]+\.`)
	// leadingZeros are those that a version's numbers do not have.
	leadingZeros = regexp.MustCompile(`(^|\.)0+([0-9])`)
)

// meant returns a proposal like " (did you mean 1.4.0?)" for a malformed version or range, "" if it cannot be told what was meant.
func meant(s string) string {
	if len(s) > maxVersion {
		return ""
	}
	plain := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "v")
	numbers, prerelease, _ := strings.Cut(plain, "-")
	numbers = leadingZeros.ReplaceAllString(numbers, "$1$2")
	if prerelease != "" {
		numbers += "-" + prerelease
	}
	if _, ok := selectorOf(numbers); !ok || numbers == "" || !versionLike.MatchString(numbers) {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", numbers)
}

// Exact selects one version.
func Exact(v Version) Selector { return Selector{version: v} }

// Version returns the version, and whether the selector is one.
func (s Selector) Version() (Version, bool) { return s.version, !s.version.IsZero() }

// Alias returns the alias, and whether the selector is one. The zero Selector is the alias latest.
func (s Selector) Alias() (Alias, bool) {
	if s == (Selector{}) {
		return Latest, true
	}
	return s.alias, s.alias != ""
}

// Range returns the range, and whether the selector is one.
func (s Selector) Range() (Range, bool) { return s.rng, s.rng.c != nil }

// String returns the selector as written; the zero Selector is "latest".
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

// MarshalText implements encoding.TextMarshaler. It returns the text of String and never fails.
func (s Selector) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseSelector does.
func (s *Selector) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSelector(string(text))
	return err
}

// Target is a whole reference: "acme/fraud@1.4.0", "acme/fraud@production", "acme/fraud".
type Target struct {
	Model    Model
	Selector Selector
}

// ParseTarget reads "tenant/name[@ref]"; without @ref it is latest. It fails with Invalid if a part is malformed, or ref is empty.
func ParseTarget(s string) (Target, error) {
	model, selector, some := strings.Cut(s, "@")
	m, err := ParseModel(model)
	if err != nil {
		return Target{}, err
	}
	if some && selector == "" {
		return Target{}, invalid("ref", s, "stands after the @; leave the @ out for the latest version")
	}
	sel, err := ParseSelector(selector)
	if err != nil {
		return Target{}, err
	}
	return Target{m, sel}, nil
}

// String returns "tenant/name@ref".
func (t Target) String() string { return t.Model.String() + "@" + t.Selector.String() }
