package formats

import (
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"math"
	"unicode"
)

// The bounds of JSON in a file, far above what the formats write.
const (
	maxText  = 1 << 20 // bytes of one string
	maxNests = 64      // objects and lists in each other
	maxKeys  = 1 << 20 // of one object
)

// jsonReader reads JSON token by token, in bounded memory.
type jsonReader struct {
	from    *boundedJSON
	decoder *json.Decoder
}

// json reads the JSON text in the bytes [pos, end) of the file.
func (f *file) json(pos, end int64) *jsonReader { return newJSON(f.section(pos, end), pos) }

// newJSON reads the JSON text that a reader has; at is where it begins.
func newJSON(from io.Reader, at int64) *jsonReader {
	bounded := &boundedJSON{from: from, at: at}
	decoder := json.NewDecoder(bounded)
	decoder.UseNumber()
	return &jsonReader{bounded, decoder}
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

// members reads the rest of an object whose beginning has been read.
func (r *jsonReader) members(visit func(key string) error) error {
	seen, seed := map[uint64]struct{}{}, maphash.MakeSeed() // of hashes: there may be many keys
	for r.decoder.More() {
		at := r.at()
		token, err := r.token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder lets no other token be a key
		hash := maphash.String(seed, key)
		_, doubled := seen[hash]
		switch {
		case doubled:
			return malformed(at, "has the key %s twice", shorten(key))
		case len(seen) == maxKeys:
			return tooComplex("has an object with more than %d keys", maxKeys)
		case len(key) > maxName:
			return malformed(at, "has a key of %d bytes; at most %d are allowed", len(key), maxName)
		}
		seen[hash] = struct{}{}
		if err := visit(key); err != nil {
			return err
		}
	}
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
		return malformed(at, "has %v where %s has to be", token, what)
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
	token, err := r.token()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", malformed(at, "has %v where a text has to be", token)
	}
	return text, checkName(text, at)
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
	if err != nil || n < low {
		return 0, malformed(at, "has %v where a whole number from %d to %d has to be", token, low, int64(math.MaxInt64))
	}
	return n, nil
}

// numbers reads a list of up to most numbers.
func (r *jsonReader) numbers(most int) ([]int64, error) {
	list := []int64{}
	err := r.list(func(int) error {
		at := r.at()
		n, err := r.int(0)
		if err != nil {
			return err
		}
		list, err = appendBounded(list, n, at, most)
		return err
	})
	return list, err
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

// boundedJSON passes JSON text on, and fails where a string is longer than maxText or values lie in each other more than maxNests deep: a decoder
// would take memory for them.
type boundedJSON struct {
	from    io.Reader
	at      int64 // where the text begins in the file
	err     error // what reading ended with
	length  int   // of the string that is being read
	depth   int
	quoted  bool // within a string
	escaped bool // after a backslash
}

func (b *boundedJSON) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	for _, c := range p[:n] {
		if b.pass(c); b.length > maxText {
			err = tooComplex("has a text of more than %d bytes in its JSON", maxText)
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

func (b *boundedJSON) pass(c byte) {
	switch {
	case b.escaped:
		b.escaped = false
		b.length++
	case b.quoted && c == '\\':
		b.escaped = true
	case c == '"':
		b.quoted = !b.quoted
		b.length = 0
	case b.quoted:
		b.length++
	case c == '{', c == '[':
		b.depth++
	case c == '}', c == ']':
		b.depth--
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
