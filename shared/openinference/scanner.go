package openinference

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/jsontext"
)

// Limits on a message's structure, far above what models have, so that a hostile message costs no more than its length.
const (
	maxMembers = 256   // of one JSON object
	maxTensors = 4_096 // of one message
)

// scanner walks one JSON text (RFC 8259) from front to back without building values.
type scanner struct {
	text []byte
	at   int
}

// next skips white space and returns the byte at the cursor, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take passes over white space and the byte c. It fails with Invalid if another byte comes next.
func (s *scanner) take(c byte) error {
	if s.next() != c {
		return s.expected(strconv.QuoteRune(rune(c)))
	}
	s.at++
	return nil
}

// end fails with Invalid unless only white space is left.
func (s *scanner) end() error {
	if s.next() != 0 || s.at < len(s.text) {
		return s.expected("the end")
	}
	return nil
}

// object reads an object, and calls member with the cursor at each value, which member must consume. It fails with Invalid for malformed JSON,
// a doubled key or more than maxMembers members; an error of member gets the key as its field.
func (s *scanner) object(member func(key string) error) error {
	if err := s.take('{'); err != nil {
		return err
	}
	if s.next() == '}' {
		s.at++
		return nil
	}
	for seen := []string(nil); ; s.at++ {
		key, err := s.member(seen)
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return inMember(key, err)
		}
		seen = append(seen, key)
		switch s.next() {
		case ',':
		case '}':
			s.at++
			return nil
		default:
			return s.expected("',' or '}'")
		}
	}
}

// inMember returns err with the key of the member that it is about as its field, or as it is if it names a field already.
func inMember(key string, err error) error {
	e := fault.From(err)
	if len(e.Fields) > 0 {
		return err
	}
	return fault.New(e.Kind, quoted(key)+": "+e.Message, fault.Field(key), fault.Cause(e.Err))
}

// member reads an object's next key and the colon after it. It fails with Invalid if the key is in seen, or if seen has
// maxMembers keys already.
func (s *scanner) member(seen []string) (string, error) {
	key, err := s.string()
	if err != nil {
		return "", err
	}
	if slices.Contains(seen, key) {
		return "", fault.New(fault.Invalid, quoted(key)+" is given twice in one object", fault.Field(key))
	}
	if len(seen) == maxMembers {
		return "", fault.New(fault.Invalid, fmt.Sprintf("an object has more than %d members", maxMembers))
	}
	return key, s.take(':')
}

// array reads an array, and calls element with the cursor at each value, which element must consume. It fails with Invalid for malformed JSON
// or more than limit elements, and with element's error.
func (s *scanner) array(limit int, element func() error) error {
	if err := s.take('['); err != nil {
		return err
	}
	if s.next() == ']' {
		s.at++
		return nil
	}
	for count := 1; ; count++ {
		if count > limit {
			return s.syntax(fmt.Sprintf("an array of more than %d elements", limit))
		}
		if err := element(); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return s.expected("',' or ']'")
		}
	}
}

// string reads a JSON string and returns its content. It fails with Invalid if there is none.
func (s *scanner) string() (string, error) {
	raw, err := s.bytes()
	return string(raw), err
}

// bytes parses a JSON string and returns its content. The slice shares memory with the text if the string has no
// escapes. It fails with Invalid if the next value is not a valid string.
func (s *scanner) bytes() ([]byte, error) {
	span, plain := s.stringSpan()
	if span == nil {
		return nil, s.expected("a string")
	}
	if plain {
		return span[1 : len(span)-1], nil
	}
	var unescaped string
	err := json.Unmarshal(span, &unescaped)
	what := jsontext.Wrong(span)
	if err == nil && what == "" {
		return []byte(unescaped), nil
	}
	s.at -= len(span)
	if what == "" {
		return nil, s.expected("a string")
	}
	return nil, fault.New(fault.Invalid, fmt.Sprintf("the text at byte %d %s", s.at, what))
}

// stringSpan passes over a string and returns it with its quotes. plain is true if it is printable ASCII without escapes. span is nil, and the
// cursor stays, if there is no string.
func (s *scanner) stringSpan() (span []byte, plain bool) {
	if s.next() != '"' {
		return nil, false
	}
	plain = true
	for i := s.at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			span = s.text[s.at : i+1]
			s.at = i + 1
			return span, plain
		case c == '\\':
			plain = false
			i++
		case c < ' ' || c >= utf8.RuneSelf:
			plain = false
		}
	}
	return nil, false
}

// number passes over a number and returns its text. It returns nil, and the cursor stays, if there is none.
func (s *scanner) number() []byte {
	s.next()
	i := s.at
	if i < len(s.text) && s.text[i] == '-' {
		i++
	}
	whole := s.digits(i)
	if whole == i || (s.text[i] == '0' && whole > i+1) {
		return nil
	}
	i = whole
	if i < len(s.text) && s.text[i] == '.' {
		if i = s.digits(i + 1); s.text[i-1] == '.' {
			return nil
		}
	}
	if i < len(s.text) && s.text[i]|0x20 == 'e' {
		if i = s.exponent(i + 1); i < 0 {
			return nil
		}
	}
	span := s.text[s.at:i]
	s.at = i
	return span
}

// exponent returns the index after the exponent whose sign or first digit is at i, and -1 if there are no digits.
func (s *scanner) exponent(i int) int {
	if i < len(s.text) && (s.text[i] == '+' || s.text[i] == '-') {
		i++
	}
	end := s.digits(i)
	if end == i {
		return -1
	}
	return end
}

// digits returns the index after the digits that start at i.
func (s *scanner) digits(i int) int {
	for i < len(s.text) && s.text[i] >= '0' && s.text[i] <= '9' {
		i++
	}
	return i
}

// word passes over the literal, such as "null", and reports whether it was there.
func (s *scanner) word(literal string) bool {
	s.next()
	if len(s.text)-s.at < len(literal) || string(s.text[s.at:s.at+len(literal)]) != literal {
		return false
	}
	s.at += len(literal)
	return true
}

// skipArray passes over an array and returns its text. It looks only at brackets and strings: what is inside may be malformed. It fails with
// Invalid if there is no array or it does not end.
func (s *scanner) skipArray() ([]byte, error) {
	if s.next() != '[' {
		return nil, s.expected("an array")
	}
	start, depth := s.at, 0
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '[':
			depth++
		case ']':
			depth--
			if depth == 0 {
				s.at++
				return s.text[start:s.at], nil
			}
		case '"':
			if span, _ := s.stringSpan(); span == nil {
				return nil, s.expected("the string's end")
			}
			s.at--
		}
	}
	return nil, s.expected("']'")
}

// expected returns the Invalid error for the text at the cursor, where what is expected.
func (s *scanner) expected(what string) error {
	if s.next() == 0 && s.at == len(s.text) {
		return s.syntax("the text ends where " + what + " is expected")
	}
	return s.syntax(what + " is expected, not " + s.snippet())
}

// syntax returns the Invalid error for malformed JSON at the cursor.
func (s *scanner) syntax(what string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("the JSON is malformed at byte %d: %s", s.at, what))
}

// snippet returns the beginning of the text at the cursor in quotes, for an error: to the next comma or bracket, and 24 bytes at most.
func (s *scanner) snippet() string {
	const longest = 24
	rest := s.text[s.at:]
	for i, c := range rest {
		if i == longest || c == ',' || c == ']' || c == '}' {
			rest = rest[:max(i, 1)]
			break
		}
	}
	return strconv.Quote(string(rest))
}
