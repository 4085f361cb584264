package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode"
)

// The bounds of JSON in a file, far above what the formats write.
const (
	maxText  = 1 << 20 // bytes of one string, and of one number or of the space between two values
	maxNests = 64      // objects and lists in each other
	maxKeys  = 1 << 20 // of all objects that are being read, one in the other
)

// jsonReader reads JSON token by token, in bounded memory.
type jsonReader struct {
	from    *boundedJSON
	decoder *json.Decoder
	keys    int // of the objects that are being read
}

// json reads the JSON text in the bytes [pos, end) of the file.
func (f *file) json(pos, end int64) *jsonReader { return newJSON(f.section(pos, end), pos) }

// newJSON reads the JSON text that a reader has; at is where it begins.
func newJSON(from io.Reader, at int64) *jsonReader {
	bounded := &boundedJSON{from: from, at: at}
	decoder := json.NewDecoder(bounded)
	decoder.UseNumber()
	return &jsonReader{from: bounded, decoder: decoder}
}

// pythonJSON reads the text as Python's json and some other libraries do: NaN, Infinity and -Infinity are numbers in it. They are read as 0.
func (f *file) pythonJSON(pos, end int64) *jsonReader {
	r := f.json(pos, end)
	r.from.lax = true
	return r
}

// token returns the next token: json.Delim, string, json.Number, bool or nil.
func (r *jsonReader) token() (json.Token, error) {
	token, err := r.decoder.Token()
	if err != nil {
		return nil, r.explain(err)
	}
	return token, nil
}

// object reads an object. visit is called for each key and reads its value whole. A key that is given twice is refused: readers differ in which
// of the two they take.
func (r *jsonReader) object(visit func(key string) error) error {
	if err := r.open('{', "an object"); err != nil {
		return err
	}
	return r.members(visit)
}

// members reads an object whose brace has been read.
func (r *jsonReader) members(visit func(key string) error) error {
	seen := newTextSet()
	for r.decoder.More() {
		at := r.at()
		token, err := r.token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder lets no other token be a key
		switch {
		case !seen.add(key):
			return malformed(at, "has the key %s twice", shorten(key))
		case r.keys == maxKeys:
			return tooComplex("has objects with more than %d keys", maxKeys)
		case len(key) > maxName:
			return malformed(at, "has a key of %d bytes; at most %d are allowed", len(key), maxName)
		}
		r.keys++
		if err := visit(key); err != nil {
			return err
		}
	}
	r.keys -= len(seen.seen)
	_, err := r.token()
	return err
}

// list reads a list. visit is called for each element and reads it whole.
func (r *jsonReader) list(visit func(i int) error) error {
	if err := r.open('[', "a list"); err != nil {
		return err
	}
	return r.elements(visit)
}

// elements reads the rest of a list whose beginning has been read.
func (r *jsonReader) elements(visit func(i int) error) error {
	for i := 0; r.decoder.More(); i++ {
		if err := visit(i); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *jsonReader) open(want json.Delim, what string) error {
	at := r.at()
	token, err := r.token()
	if err == nil && token != want {
		return malformed(at, "has %s where %s has to be", shown(token), what)
	}
	return err
}

// skip reads a value and forgets it.
func (r *jsonReader) skip() error {
	for depth := 0; ; {
		token, err := r.token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// text reads a string that can be shown: at most maxName bytes without control characters.
func (r *jsonReader) text() (string, error) {
	at := r.at()
	text, err := r.longText()
	if err != nil {
		return "", err
	}
	return text, checkName(text, at)
}

// longText reads a string of up to maxText bytes.
func (r *jsonReader) longText() (string, error) {
	at := r.at()
	token, err := r.token()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", malformed(at, "has %s where a text has to be", shown(token))
	}
	return text, nil
}

// count reads a list of numbers and returns how many there are; true and false are numbers too.
func (r *jsonReader) count() (n int64, err error) {
	err = r.list(func(int) error {
		n++
		at := r.at()
		token, err := r.token()
		if err != nil {
			return err
		}
		switch token.(type) {
		case json.Number, bool:
			return nil
		default:
			return malformed(at, "has %v where a number has to be", token)
		}
	})
	return n, err
}

// int reads an integer from low to the largest int64.
func (r *jsonReader) int(low int64) (int64, error) {
	at := r.at()
	token, err := r.token()
	if err != nil {
		return 0, err
	}
	number, _ := token.(json.Number)
	n, err := number.Int64()
	if err != nil || n < low || low >= 0 && number[0] == '-' { // -0
		return 0, malformed(at, "has %s where a whole number from %d to %d has to be", shown(token), low, int64(math.MaxInt64))
	}
	return n, nil
}

// numbers reads a list of up to most whole numbers from 0 on.
func (r *jsonReader) numbers(most int) ([]int64, error) {
	list := []int64{}
	err := r.list(func(int) error {
		at := r.at()
		n, err := r.int(0)
		if err == nil && len(list) == most {
			return malformed(at, "has more than %d numbers in a list", most)
		}
		list = append(list, n)
		return err
	})
	return list, err
}

// shown returns a token for a sentence.
func shown(token json.Token) string {
	switch token := token.(type) {
	case nil:
		return "null"
	case json.Delim:
		return token.String()
	case string:
		return shorten(token)
	default: // a json.Number may be long
		text := fmt.Sprint(token)
		return text[:min(len(text), 80)]
	}
}

// end makes sure that nothing but space follows.
func (r *jsonReader) end() error {
	at := r.at()
	switch _, err := r.decoder.Token(); {
	case err == nil:
		return malformed(at, "has something after its JSON")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return r.explain(err)
	}
}

// at returns where the next token begins, or the space before it.
func (r *jsonReader) at() int64 { return r.from.at + r.decoder.InputOffset() }

// explain turns the decoder's errors into refusals; those of reading stay what they are.
func (r *jsonReader) explain(err error) error {
	syntax, broken := errors.AsType[*json.SyntaxError](err)
	switch {
	case r.from.err != nil && !errors.Is(r.from.err, io.EOF):
		return r.from.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return malformed(r.at(), "has JSON that ends too soon")
	case broken:
		return malformed(r.at(), "has JSON that cannot be read: %v", syntax)
	default:
		return err
	}
}

// boundedJSON passes JSON text on, and fails where a string, a number or a space is longer than maxText or values lie in each other more than
// maxNests deep: a decoder would take memory for them, and reads a space again with each part of it that comes.
type boundedJSON struct {
	from    io.Reader
	at      int64 // where the text begins in the file
	err     error // what reading ended with
	length  int   // of what is being read: bytes since the last quote, bracket, comma or colon of the text itself
	depth   int
	quoted  bool   // within a string
	escaped bool   // after a backslash
	lax     bool   // NaN and Infinity are numbers
	word    string // what is still to come of one of them
}

func (b *boundedJSON) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	for i, c := range p[:n] {
		if b.lax {
			p[i] = b.number(c)
		}
		if b.pass(c); b.length > maxText {
			err = tooComplex("has a text, a number or a space of more than %d bytes in its JSON", maxText)
		} else if b.depth > maxNests {
			err = tooComplex("has JSON that is nested more than %d deep", maxNests)
		} else {
			continue
		}
		n = 0
		break
	}
	b.err = err
	return n, err
}

// number returns the byte in whose place c stands: NaN is passed as 0.0, and Infinity as 0.000000.
func (b *boundedJSON) number(c byte) byte {
	switch {
	case b.quoted || b.escaped:
		return c
	case b.word != "" && b.word[0] == c:
		first := b.word == "aN" || b.word == "nfinity"
		b.word = b.word[1:]
		if first {
			return '.'
		}
		return '0'
	case c == 'N':
		b.word = "aN"
		return '0'
	case c == 'I':
		b.word = "nfinity"
		return '0'
	default:
		b.word = ""
		return c
	}
}

func (b *boundedJSON) pass(c byte) {
	b.length++
	switch {
	case b.escaped:
		b.escaped = false
	case b.quoted && c == '\\':
		b.escaped = true
	case c == '"':
		b.quoted = !b.quoted
		b.length = 0
	case b.quoted:
	case c == '{', c == '[':
		b.depth++
		b.length = 0
	case c == '}', c == ']':
		b.depth--
		b.length = 0
	case c == ',', c == ':':
		b.length = 0
	}
}

// checkName makes sure that a name of the file at a byte can be shown, logged and stored.
func checkName(name string, at int64) error {
	if len(name) > maxName {
		return malformed(at, "has a name of %d bytes; at most %d are allowed", len(name), maxName)
	}
	for _, r := range name {
		switch {
		case r == unicode.ReplacementChar:
			return malformed(at, "has a name that is not UTF-8")
		case unicode.IsControl(r):
			return malformed(at, "has a name with a control character")
		}
	}
	return nil
}
