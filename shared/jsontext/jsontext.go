// Package jsontext refuses the text in JSON that encoding/json would replace with U+FFFD in silence: bytes that are not UTF-8, and escapes of half a
// surrogate pair ("\ud800"), which stand for no character (RFC 8259, 8.2).
package jsontext

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
)

// Check fails with Invalid, and names the field, if a string in the JSON text has bytes that are not UTF-8 or half a surrogate pair. The text must
// otherwise be valid JSON, or Check may miss something.
func Check(text []byte) error {
	at, what := wrong(text)
	if what == "" {
		return nil
	}
	where := Path(text[:at])
	if where == "" {
		return fault.New(fault.Invalid, "The text "+what+".")
	}
	return fault.New(fault.Invalid, where+" "+what+".", fault.Field(where))
}

// Wrong returns what is wrong with the characters of the JSON text, to follow the name of a field in a message; "" if nothing is.
func Wrong(text []byte) string {
	_, what := wrong(text)
	return what
}

// wrong is Wrong that also returns where in the text the fault lies.
func wrong(text []byte) (at int, what string) {
	if !utf8.Valid(text) {
		for at < len(text) {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return at, "has bytes that are not UTF-8"
	}
	for {
		next := bytes.IndexByte(text[at:], '\\')
		if next < 0 {
			return 0, ""
		}
		at += next
		unit, ok := escape(text[at:])
		switch {
		case !ok:
			at += 2 // \n, and whatever else has one letter
		case unit < 0xd800 || unit > 0xdfff:
			at += 6
		default:
			second, _ := escape(text[min(at+6, len(text)):])
			if unit > 0xdbff || second < 0xdc00 || second > 0xdfff {
				return at, fmt.Sprintf(`has the escape \u%04x without the other half of its surrogate pair`, unit)
			}
			at += 12
		}
		if at >= len(text) {
			return 0, ""
		}
	}
}

// escape parses the escape \uXXXX at the start of the text. ok is false if there is none.
func escape(text []byte) (unit uint64, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}

// longestPath bounds the name of a field in an error.
const longestPath = 200

// Path returns the path of the member or element in which the JSON text breaks off, like "traffic[0].note"; "" for the whole.
func Path(text []byte) string {
	var p path
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[':
			p = append(p, step{object: c == '{'})
		case '}', ']':
			if len(p) > 0 {
				p = p[:len(p)-1]
			}
		case ',':
			p.next()
		case '"':
			end := i + 1 + stringEnd(text[i+1:])
			p.name(text[i+1 : min(end, len(text))])
			i = end
		}
	}
	return p.String()
}

// step is one object or array that is open.
type step struct {
	object bool
	key    string // of the member that is read, "" until its name is
	index  int    // of the element that is read
}

type path []step

// next moves to the next member or element of the innermost object or array.
func (p path) next() {
	if len(p) > 0 {
		p[len(p)-1].index++
		p[len(p)-1].key = ""
	}
}

// name makes the string the name of the innermost object's member, if it has none yet.
func (p path) name(text []byte) {
	if len(p) > 0 && p[len(p)-1].object && p[len(p)-1].key == "" {
		p[len(p)-1].key = string(bytes.ToValidUTF8(text, []byte("\ufffd")))
	}
}

// String returns the path, shortened to a length that can be shown.
func (p path) String() string {
	var b []byte
	for _, s := range p {
		switch {
		case !s.object:
			b = append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ']')
		case s.key != "" && len(b) > 0:
			b = append(append(b, '.'), s.key...)
		case s.key != "":
			b = append(b, s.key...)
		}
		if len(b) > longestPath {
			return string(bytes.ToValidUTF8(b[:longestPath], nil)) + "…"
		}
	}
	return string(b)
}

// stringEnd returns the index of the quote that ends a string, or the text's length.
func stringEnd(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}
