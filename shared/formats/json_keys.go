package formats

import "encoding/json"

// hasKey reports whether the file begins with a JSON object that has the key itself, not within one of its values. It reads up to the end of the
// object, without checking that the text is JSON: a file that was written to be overlooked must not be.
func (f *file) hasKey(want string) (bool, error) {
	s := keyScanner{longest: len(want) * len(`\u0000`)}
	for pos := int64(0); pos < f.size; {
		b, err := f.peek(pos, windowSize)
		if err != nil {
			return false, err
		}
		for _, c := range b {
			if s.pass(c) && s.key() == want {
				return true, nil
			}
			if s.over {
				return false, nil
			}
		}
		pos += int64(len(b))
	}
	return false, nil
}

// keyScanner finds the keys of an object in JSON text, byte by byte.
type keyScanner struct {
	depth   int
	quoted  bool   // within a string
	escaped bool   // after a backslash
	value   bool   // of two strings in the object, the next one is a value
	over    bool   // the text is no object that is JSON, or its object has ended
	raw     []byte // the last string that may be a key, as it is written; longer than longest: cut
	longest int
}

// pass takes the next byte and reports whether it ends a key. A control character ends the text: no JSON has one but space.
func (s *keyScanner) pass(c byte) bool {
	space := c == ' ' || c == '\t' || c == '\r' || c == '\n'
	switch {
	case c < ' ' && !space:
		s.over = true
		return false
	case s.quoted:
		return s.within(c)
	case c == '"':
		s.quoted = true
		s.raw = s.raw[:0]
	case c == '{', c == '[' && s.depth > 0:
		s.depth++
	case c == '}', c == ']':
		s.depth--
	case s.depth == 1 && c == ':':
		s.value = true
	case s.depth == 1 && c == ',':
		s.value = false
	}
	s.over = s.depth < 1 && !space
	return false
}

// within takes a byte of a string and reports whether it ends a key.
func (s *keyScanner) within(c byte) bool {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.quoted = false
		return s.depth == 1 && !s.value
	}
	if len(s.raw) <= s.longest {
		s.raw = append(s.raw, c)
	}
	return false
}

// key returns the last key; "" if it is too long to be looked for, or none.
func (s *keyScanner) key() string {
	var key string
	if len(s.raw) > s.longest || json.Unmarshal([]byte(`"`+string(s.raw)+`"`), &key) != nil {
		return ""
	}
	return key
}
