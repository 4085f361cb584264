package formats

import (
	"bytes"
	"strconv"
	"strings"
)

// pythonParser reads a dictionary as Python writes it: of texts, whole numbers, True, False, tuples and lists. What else Python would take is refused.
type pythonParser struct {
	text []byte
	from int64 // where the text is in the file
	at   int   // in the text
}

type (
	pythonTuple []any
	pythonList  []any
)

const pythonMaxNests = 32 // tuples and lists in each other

func (p *pythonParser) malformed(format string, values ...any) error {
	return malformed(p.from+int64(p.at), format, values...)
}

// dictionary reads the text as a whole. A key that is given twice is refused.
func (p *pythonParser) dictionary() (map[string]any, error) {
	if !p.take('{') {
		return nil, p.malformed("has a header that is no dictionary")
	}
	members := map[string]any{}
	for !p.take('}') {
		key, err := p.value(0)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if _, doubled := members[name]; !ok || doubled || !p.take(':') {
			return nil, p.malformed("has a header with a key that is no text, or that is there twice")
		}
		if members[name], err = p.value(0); err != nil {
			return nil, err
		}
		if !p.take(',') && p.peek() != '}' {
			return nil, p.malformed("has a header that goes on where a comma or its end has to be")
		}
	}
	if p.peek(); p.at < len(p.text) {
		return nil, p.malformed("has something after the dictionary of its header")
	}
	return members, nil
}

// peek passes over space and returns the next byte, 0 at the end.
func (p *pythonParser) peek() byte {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// take passes over a byte, if it is the next one.
func (p *pythonParser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

// value reads a string, an int64, a bool, a pythonTuple or a pythonList.
func (p *pythonParser) value(depth int) (any, error) {
	switch c := p.peek(); {
	case depth > pythonMaxNests:
		return nil, p.malformed("has a header that is nested more than %d deep", pythonMaxNests)
	case c == '\'' || c == '"':
		return p.string(c)
	case c >= '0' && c <= '9':
		return p.integer()
	case c == '(':
		values, comma, err := p.values(')', depth)
		if err == nil && len(values) == 1 && !comma {
			return nil, p.malformed("has a header with a value in parentheses")
		}
		return pythonTuple(values), err
	case c == '[':
		values, _, err := p.values(']', depth)
		return pythonList(values), err
	}
	for word, value := range map[string]bool{"True": true, "False": false} {
		if bytes.HasPrefix(p.text[p.at:], []byte(word)) {
			p.at += len(word)
			return value, nil
		}
	}
	return nil, p.malformed("has a header with a value that is not known")
}

// values reads values up to an end, and reports whether a comma is in front of it.
func (p *pythonParser) values(end byte, depth int) (values []any, comma bool, err error) {
	p.at++
	for comma = true; !p.take(end); {
		if !comma {
			return nil, false, p.malformed("has a header that goes on where a comma or an end has to be")
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, false, err
		}
		values = append(values, value)
		comma = p.take(',')
	}
	return values, comma, nil
}

// string reads a text. Escapes stay as they are: no text that is compared has any.
func (p *pythonParser) string(quote byte) (string, error) {
	for i := p.at + 1; i < len(p.text); i++ {
		switch p.text[i] {
		case quote:
			text := string(p.text[p.at+1 : i])
			p.at = i + 1
			return text, nil
		case '\\':
			i++
		case '\n':
			return "", p.malformed("has a header with a text that ends with the line")
		}
	}
	return "", p.malformed("has a header with a text without an end")
}

// integer reads a number from 0 on. Python 2 wrote an L behind some.
func (p *pythonParser) integer() (int64, error) {
	end := p.at
	for end < len(p.text) && p.text[end] >= '0' && p.text[end] <= '9' {
		end++
	}
	digits := string(p.text[p.at:end])
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		return 0, p.malformed("has a header with the number %s", shorten(digits))
	}
	if p.at = end; end < len(p.text) && p.text[end] == 'L' {
		p.at++
	}
	return n, nil
}
