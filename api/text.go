package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
)

// The limits of what people write about models and versions.
const (
	maxDescription = 4096  // characters
	maxChangelog   = 16384 // characters
	maxLabel       = 64    // characters
	maxReason      = 1024  // characters
	maxTags        = 32
	maxKeys        = 64
	maxKey         = 128      // bytes
	maxMetadata    = 16 << 10 // bytes of JSON
)

// Description says what a model is for, in up to 4,096 characters, which may be several lines.
type Description string

// UnmarshalText reads a description. It fails with Invalid if it has more than 4,096 characters, or control characters other than tabs and line ends.
func (d *Description) UnmarshalText(text []byte) error {
	*d = Description(text)
	return checkProse("description", text, maxDescription)
}

// Changelog says what a version brings, in up to 16,384 characters, which may be several lines.
type Changelog string

// UnmarshalText reads a changelog. It fails with Invalid if it has more than 16,384 characters, or control characters other than tabs and line ends.
func (c *Changelog) UnmarshalText(text []byte) error {
	*c = Changelog(text)
	return checkProse("changelog", text, maxChangelog)
}

// Reason is why something is done to a version or an alias: 1 to 1,024 characters.
type Reason string

// UnmarshalText reads a reason. It fails with Invalid if it is empty, has more than 1,024 characters, or control characters other than tabs and line ends.
func (r *Reason) UnmarshalText(text []byte) error {
	*r = Reason(text)
	if len(bytes.TrimSpace(text)) == 0 {
		return fault.InvalidField("reason", "must not be empty")
	}
	return checkProse("reason", text, maxReason)
}

// Label is a short word or two: a framework, a license. Up to 64 characters on one line.
type Label string

// UnmarshalText reads a label; "" is one. It fails with Invalid if it has more than 64 characters, or a control character.
func (l *Label) UnmarshalText(text []byte) error {
	*l = Label(text)
	if !utf8.Valid(text) || utf8.RuneCount(text) > maxLabel || bytes.ContainsFunc(text, unicode.IsControl) {
		return fault.InvalidField("label", "must have at most %d characters, on one line", maxLabel)
	}
	return nil
}

var tagPattern = regexp.MustCompile(`^[\pL\pN][\pL\pN._:/-]{0,62}$`)

// Tag is a word to find models by: it begins with a letter or a digit, and has up to 63 letters, digits and . _ : / -.
type Tag string

// UnmarshalText reads a tag. It fails with Invalid unless it begins with a letter or a digit and has up to 63 letters, digits and . _ : / -.
func (t *Tag) UnmarshalText(text []byte) error {
	*t = Tag(text)
	if !tagPattern.Match(text) {
		return fault.InvalidField("tag", "a tag begins with a letter or a digit and has up to 63 letters, digits and . _ : / -")
	}
	return nil
}

// Tags are up to 32 tags, each once, sorted.
type Tags []Tag

// UnmarshalJSON reads an array of strings as ParseTags does. It fails with Invalid for any other text.
func (t *Tags) UnmarshalJSON(text []byte) error {
	var words []string
	if err := json.Unmarshal(text, &words); err != nil {
		return fault.InvalidField("tags", "must be an array of strings")
	}
	tags, err := ParseTags(words)
	*t = tags
	return err
}

// ParseTags returns the words as tags, each once, sorted. It fails with Invalid if one is malformed, or there are more than 32.
func ParseTags(words []string) (Tags, error) {
	tags := make(Tags, len(words))
	for i, word := range words {
		if err := tags[i].UnmarshalText([]byte(word)); err != nil {
			return nil, err
		}
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	if len(tags) > maxTags {
		return nil, fault.InvalidField("tags", "has more than %d tags", maxTags)
	}
	return tags, nil
}

// Metadata is JSON of the owner's own: up to 64 keys of 128 bytes, 16 KiB in all. Numbers keep their digits.
type Metadata map[string]any

// UnmarshalJSON reads a JSON object; null is an empty one. It fails with Invalid beyond 16 KiB, 64 keys or 128 bytes of a key, and for what Postgres's
// jsonb cannot hold.
func (m *Metadata) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	values := map[string]any{}
	if err := decoder.Decode(&values); err != nil {
		return fault.InvalidField("metadata", "must be a JSON object")
	}
	if values == nil {
		values = map[string]any{} // the text was null
	}
	*m = values
	switch {
	case len(text) > maxMetadata:
		return fault.InvalidField("metadata", "has more than %s bytes of JSON", fault.Count(maxMetadata))
	case len(values) > maxKeys:
		return fault.InvalidField("metadata", "has more than %d keys", maxKeys)
	}
	for key := range values {
		if len(key) > maxKey || key == "" {
			return fault.InvalidField("metadata", "must have keys of 1 to %d bytes", maxKey)
		}
	}
	if !storable(values) {
		return fault.InvalidField("metadata", "must have no null characters and no numbers beyond those of double precision")
	}
	return nil
}

// storable reports whether jsonb can hold the value: it has no null characters, and no numbers beyond double precision.
func storable(value any) bool {
	switch v := value.(type) {
	case string:
		return !strings.ContainsRune(v, 0)
	case json.Number:
		_, err := v.Float64()
		return err == nil
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { return !storable(one) })
	case map[string]any:
		for key, one := range v {
			if !storable(key) || !storable(one) {
				return false
			}
		}
	}
	return true
}

// checkProse fails with Invalid (field what) if the text has more than most characters, is no UTF-8, or has control characters other than tabs and line
// ends.
func checkProse(what string, text []byte, most int) error {
	switch {
	case utf8.RuneCount(text) > most:
		return fault.InvalidField(what, "has more than %s characters", fault.Count(most))
	case !utf8.Valid(text) || bytes.ContainsFunc(text, forbidden):
		return fault.InvalidField(what, "must be UTF-8 text without control characters other than tabs and line ends")
	default:
		return nil
	}
}

// forbidden reports whether the character is a control character other than tabs and line ends.
func forbidden(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }
