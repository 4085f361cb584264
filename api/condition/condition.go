// Package condition is conditional requests (RFC 9110, 13): the entity tags that a request's If-Match and If-None-Match name, and what they mean for
// a resource. httpapi reads them, use cases check them.
package condition

import (
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// The headers.
const (
	IfMatch     = "If-Match"
	IfNoneMatch = "If-None-Match"
)

// Match is the value of an If-Match: "" where there is none, * for any state, or a list of entity tags, of which the resource must have one.
// Weak tags match nothing here (RFC 9110, 13.1.1).
type Match string

// NoneMatch is the value of an If-None-Match: "" where there is none, * for a resource that must not be there, or a list of entity tags, none of which
// it may have. Weak tags are compared by what follows their W/ (RFC 9110, 13.1.2).
type NoneMatch string

// Tag returns an If-Match of one entity tag, which is given without its quotes. For "" it returns "", which sets no condition, and for * an If-Match of any
// state.
func Tag(tag string) Match {
	if tag == "" || tag == "*" {
		return Match(tag)
	}
	return Match(`"` + tag + `"`)
}

// UnmarshalText stores an If-Match header's value. It fails with Invalid if the value is neither "*" nor a list of entity tags.
func (m *Match) UnmarshalText(text []byte) error {
	*m = Match(text)
	return check(IfMatch, string(text))
}

// UnmarshalText stores an If-None-Match header's value. It fails with Invalid if the value is neither "*" nor a list of entity tags.
func (n *NoneMatch) UnmarshalText(text []byte) error {
	*n = NoneMatch(text)
	return check(IfNoneMatch, string(text))
}

// check fails with Invalid (field header) if the value is neither "*" nor a list of entity tags.
func check(header, value string) error {
	if _, ok := parse(value); !ok {
		return fault.New(fault.Invalid, `is *, or a list of entity tags in quotes like "a1b2", "c3d4"`, fault.Field(header))
	}
	return nil
}

// Check evaluates If-Match and If-None-Match. It fails with PreconditionFailed if match is set and does not list tag,
// or if none is set and lists it. tag is the resource's entity tag without quotes, "" if the resource does not exist. A
// header that is absent ("") sets no condition.
func Check(match Match, none NoneMatch, tag string) error {
	switch {
	case match != "" && tag == "":
		return failed(IfMatch, "The resource is not there.")
	case match != "" && !match.holds(tag):
		return failed(IfMatch, "The resource has changed since you read it; read it again.")
	case none != "" && tag != "" && none.Holds(tag) && isAny(string(none)):
		return failed(IfNoneMatch, "The resource is there already.")
	case none != "" && tag != "" && none.Holds(tag):
		return failed(IfNoneMatch, "The resource is in a state that the request excludes.")
	default:
		return nil
	}
}

// failed returns the PreconditionFailed error of a header.
func failed(header, message string) error {
	return fault.New(fault.PreconditionFailed, message, fault.Field(header))
}

// holds reports whether m is "*" or lists the tag. An absent header ("") lists none.
func (m Match) holds(tag string) bool {
	tags, _ := parse(string(m))
	return isAny(string(m)) || slices.Contains(tags, entityTag{tag, false})
}

// Holds reports whether n is "*" or lists the entity tag of a resource that is there. An absent or malformed header lists none.
func (n NoneMatch) Holds(tag string) bool {
	tags, _ := parse(string(n))
	return isAny(string(n)) || slices.ContainsFunc(tags, func(t entityTag) bool { return t.tag == tag })
}

// isAny reports whether a header's value is "*".
func isAny(value string) bool { return strings.Trim(value, " \t") == "*" }

// entityTag is one of a list, without its quotes.
type entityTag struct {
	tag  string
	weak bool
}

// parse returns the entity tags in a header's value; for * it returns none. Empty members of the list are ignored (RFC 9110, 5.6.1.2 and 8.8.3). ok is
// false if the value is malformed or has no tag.
func parse(value string) (tags []entityTag, ok bool) {
	if isAny(value) {
		return nil, true
	}
	rest := strings.Trim(value, " \t,")
	for rest != "" {
		var t entityTag
		rest, t.weak = strings.CutPrefix(rest, "W/")
		if rest, ok = strings.CutPrefix(rest, `"`); !ok {
			return nil, false
		}
		if t.tag, rest, ok = strings.Cut(rest, `"`); !ok || strings.ContainsFunc(t.tag, unprintable) {
			return nil, false
		}
		tags = append(tags, t)
		after := strings.TrimLeft(rest, " \t")
		if after != "" && after[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(after, " \t,")
	}
	return tags, len(tags) > 0
}

// unprintable reports whether an entity tag cannot have the character (RFC 9110, 8.8.3).
func unprintable(r rune) bool { return r <= ' ' || r == 0x7f }
