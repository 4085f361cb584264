package ref

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const (
	maxVersion = 128 // bytes; SemVer 2.0.0 sets none
	maxNumber  = 1<<31 - 1
	maxDigits  = 18
)

// Version is a semantic version (2.0.0) without build metadata: "1.4.0-rc.1".
type Version struct{ v *semver.Version }

// ParseVersion reads a semantic version strictly: three numbers up to 2,147,483,647, no leading v or zeros, no build metadata, 128 bytes at most. It fails
// with Invalid for any other form.
func ParseVersion(s string) (Version, error) {
	v, rule := strictVersion(s)
	if rule != "" {
		return Version{}, invalid("version", s, rule+meantVersion(s))
	}
	return v, nil
}

// strictVersion is like ParseVersion, but returns the rule that s breaks, "" if it breaks none.
func strictVersion(s string) (v Version, rule string) {
	parsed, err := semver.StrictNewVersion(s)
	switch {
	case err != nil || len(s) > maxVersion:
		return Version{}, "is a semantic version like 1.4.0 or 1.4.0-rc.1, 128 characters at most, without a v before it"
	case parsed.Metadata() != "":
		return Version{}, "has no build metadata (+…)"
	case longNumber(parsed.Prerelease()):
		return Version{}, fmt.Sprintf("has numbers of at most %d digits in its pre-release", maxDigits)
	case parsed.Major() > maxNumber || parsed.Minor() > maxNumber || parsed.Patch() > maxNumber:
		return Version{}, fmt.Sprintf("has numbers up to %d", maxNumber)
	default:
		return Version{parsed}, ""
	}
}

// meantVersion returns a proposal like " (did you mean 1.4.0?)" for a malformed version, "" if it cannot be told what was meant.
func meantVersion(s string) string {
	if strings.Count(s, ".") < 2 || strings.ContainsAny(s, "xX*") {
		return ""
	}
	return meant(s)
}

// longNumber reports whether a pre-release has a number of more than 18 digits: it need not fit 64 bits, and could not be ordered as a number.
func longNumber(prerelease string) bool {
	for identifier := range strings.SplitSeq(prerelease, ".") {
		if len(identifier) > maxDigits && strings.Trim(identifier, "0123456789") == "" {
			return true
		}
	}
	return false
}

// IsZero reports whether there is no version.
func (v Version) IsZero() bool { return v.v == nil }

// String returns the version as written, or "" for none.
func (v Version) String() string {
	if v.v == nil {
		return ""
	}
	return v.v.Original() // strictly parsed, it is the canonical form
}

// Major returns the first number. v must not be zero.
func (v Version) Major() uint64 { return v.v.Major() }

// Minor returns the second number. v must not be zero.
func (v Version) Minor() uint64 { return v.v.Minor() }

// Patch returns the third number. v must not be zero.
func (v Version) Patch() uint64 { return v.v.Patch() }

// Prerelease returns the part after the dash, or "". v must not be zero.
func (v Version) Prerelease() string { return v.v.Prerelease() }

// Compare returns -1, 0 or 1 as v has a lower, the same or a higher precedence than w (SemVer 2.0.0, 11). Neither may be zero.
func (v Version) Compare(w Version) int { return v.v.Compare(w.v) }

// Bump names the number that a new version raises.
type Bump string

// The bumps.
const (
	BumpMajor Bump = "major"
	BumpMinor Bump = "minor"
	BumpPatch Bump = "patch"
)

// UnmarshalText reads a bump. It fails with Invalid unless the text is major, minor or patch.
func (b *Bump) UnmarshalText(text []byte) error {
	switch kind := Bump(text); kind {
	case BumpMajor, BumpMinor, BumpPatch:
		*b = kind
		return nil
	default:
		return invalid("bump", string(text), "is major, minor or patch")
	}
}

// Next returns the release that follows v when the number that b names is raised. After the zero Version come 1.0.0, 0.1.0 and 0.0.1.
func (v Version) Next(b Bump) Version {
	base := v.v
	if base == nil {
		base = semver.New(0, 0, 0, "", "")
	}
	var next semver.Version
	switch b {
	case BumpMajor:
		next = base.IncMajor()
	case BumpMinor:
		next = base.IncMinor()
	default:
		next = base.IncPatch()
	}
	return Version{&next}
}

// MarshalText implements encoding.TextMarshaler. It returns the text of String and never fails.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It fails as ParseVersion does.
func (v *Version) UnmarshalText(text []byte) (err error) {
	*v, err = ParseVersion(string(text))
	return err
}

// Range is a set of versions: "^1.2", "~1.4", "1.x".
type Range struct {
	text string
	c    *semver.Constraints
}

// rangePattern is one term or several, joined by a comma, a space or both, or by || for either. A term is an operator and a version of which the last
// numbers may be left out or be x or *; a * stands for all. Numbers have no leading zeros, and no v stands before them.
var rangePattern = func() *regexp.Regexp {
	const (
		number  = `(0|[1-9][0-9]{0,9})`
		free    = `[x*]`
		partial = `(` + number + `(\.` + number + `(\.` + number + `(-[0-9A-Za-z.-]+)?|\.` + free + `)?|(\.` + free + `){1,2})?|` + free + `)`
		term    = `(\^|~|=|!=|>=?|<=?)?` + partial
	)
	return regexp.MustCompile(`^` + term + `((, ?| | ?\|\| ?)` + term + `)*$`)
}()

// ParseRange reads a range of one term or several joined by spaces, commas or ||, like "^1.2" or ">=1.4 <2". It fails with Invalid for any other form, and
// beyond 128 bytes.
func ParseRange(s string) (Range, error) {
	if len(s) > maxVersion || !rangePattern.MatchString(s) {
		return Range{}, badRange(s)
	}
	c, err := semver.NewConstraint(s)
	if err != nil {
		return Range{}, badRange(s)
	}
	return Range{s, c}, nil
}

// badRange returns the Invalid error of a malformed range.
func badRange(s string) error { return invalid("range", s, "is like ^1.2, ~1.4 or 1.x") }

// Holds reports whether the version lies in the range; a pre-release does so only if the range names one. Neither may be zero.
func (r Range) Holds(v Version) bool { return r.c.Check(v.v) }

// String returns the range as written.
func (r Range) String() string { return r.text }
