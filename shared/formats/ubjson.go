package formats

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"unicode/utf8"
)

// ubjReader reads UBJSON (ubjson.org, Draft 12) value by value, as far as XGBoost writes and reads it (src/common/json.cc, UBJReader): lengths
// are of the type L, objects have no length, no-ops and high-precision numbers are unknown.
type ubjReader struct {
	f       *file
	pos     int64
	element byte // the type of the values of the typed list that is being read, 0 in none
	depth   int
}

// ubj reads the UBJSON value at the byte pos of the file, which ends the file.
func (f *file) ubj(pos int64) *ubjReader { return &ubjReader{f: f, pos: pos} }

// ubjWidths are the bytes of a number of each type; all are big-endian.
var ubjWidths = map[byte]int64{'i': 1, 'U': 1, 'C': 1, 'I': 2, 'l': 4, 'd': 4, 'L': 8, 'D': 8}

// at returns where the next value begins.
func (r *ubjReader) at() int64 { return r.pos }

// take returns the next n bytes, n at most windowSize. They are good until the next call.
func (r *ubjReader) take(n int) ([]byte, error) {
	if int64(n) > r.f.size-r.pos {
		return nil, truncated(r.f.size, "a value begins", r.pos)
	}
	b, err := r.f.peek(r.pos, n)
	if err != nil {
		return nil, err
	}
	r.pos += int64(n)
	return b, nil
}

// next returns the next byte and leaves it.
func (r *ubjReader) next() (byte, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	r.pos--
	return b[0], nil
}

// marker returns the type of the next value. In a typed list it is not given again.
func (r *ubjReader) marker() (byte, error) {
	if r.element != 0 {
		return r.element, nil
	}
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (r *ubjReader) open(want byte, what string) error {
	at := r.pos
	got, err := r.marker()
	switch {
	case err != nil:
		return err
	case got != want:
		return malformed(at, "has a value of the type %q where %s has to be", got, what)
	case r.depth == maxNests:
		return tooComplex("has UBJSON that is nested more than %d deep", maxNests)
	}
	r.depth++
	return nil
}

// length reads a length, of which each unit takes width bytes of the file or more.
func (r *ubjReader) length(width int64) (int64, error) {
	at := r.pos
	b, err := r.take(1 + 8)
	if err != nil {
		return 0, err
	}
	if b[0] != 'L' {
		return 0, malformed(at, "has a length of the type %q; XGBoost reads those of the type 'L'", b[0])
	}
	n := signed(binary.BigEndian.Uint64(b[1:]))
	switch {
	case n < 0:
		return 0, malformed(at, "has the length %d", n)
	case n > (r.f.size-r.pos)/width:
		return 0, truncated(r.f.size, fmt.Sprintf("a value says that it has the length %d", n), at)
	}
	return n, nil
}

// object reads an object as jsonReader.object does.
func (r *ubjReader) object(visit func(key string) error) error {
	if err := r.open('{', "an object"); err != nil {
		return err
	}
	seen, seed := map[uint64]struct{}{}, maphash.MakeSeed()
	for {
		at := r.pos
		next, err := r.next()
		if err != nil {
			return err
		}
		if next == '}' {
			r.pos++
			r.depth--
			return nil
		}
		key, err := r.chars(maxName)
		if err != nil {
			return err
		}
		hash := maphash.String(seed, key)
		if _, doubled := seen[hash]; doubled {
			return malformed(at, "has the key %s twice", shorten(key))
		}
		if len(seen) == maxKeys {
			return tooComplex("has an object with more than %d keys", maxKeys)
		}
		seen[hash] = struct{}{}
		if err := visit(key); err != nil {
			return err
		}
	}
}

// list reads a list. visit is called for each element and reads it whole.
func (r *ubjReader) list(visit func(i int) error) error {
	n, element, err := r.openList()
	if err != nil {
		return err
	}
	for i := 0; n < 0 || int64(i) < n; i++ {
		if n < 0 {
			next, err := r.next()
			if err != nil {
				return err
			}
			if next == ']' {
				r.pos++
				break
			}
		}
		r.element = element
		err := visit(i)
		r.element = 0
		if err != nil {
			return err
		}
	}
	r.depth--
	return nil
}

// openList reads the head of a list: how many elements it has, -1 if it ends with a mark, and their type, 0 if each has its own.
func (r *ubjReader) openList() (n int64, element byte, err error) {
	if err := r.open('[', "a list"); err != nil {
		return 0, 0, err
	}
	next, err := r.next()
	if err != nil {
		return 0, 0, err
	}
	at := r.pos
	switch next {
	case '$':
		b, err := r.take(3)
		if err != nil {
			return 0, 0, err
		}
		element, width := b[1], ubjWidths[b[1]]
		if width == 0 || element == 'C' || b[2] != '#' {
			return 0, 0, malformed(at, "has a list of values of the type %q, which XGBoost does not read", element)
		}
		n, err := r.length(width)
		return n, element, err
	case '#':
		r.pos++
		n, err := r.length(1)
		return n, 0, err
	default:
		return -1, 0, nil
	}
}

// count reads a list of numbers and returns how many there are.
func (r *ubjReader) count() (int64, error) {
	start := *r
	n, element, err := r.openList()
	if err != nil {
		return 0, err
	}
	if element != 0 {
		r.pos += n * ubjWidths[element]
		r.depth--
		return n, nil
	}
	*r, n = start, 0
	err = r.list(func(int) error {
		n++
		at := r.pos
		marker, err := r.marker()
		if err != nil {
			return err
		}
		width, number := ubjWidths[marker]
		if !number && marker != 'T' && marker != 'F' {
			return malformed(at, "has a value of the type %q where a number has to be", marker)
		}
		_, err = r.take(int(width))
		return err
	})
	return n, err
}

// skip reads a value and forgets it.
func (r *ubjReader) skip() error {
	at := r.pos
	next, err := r.next()
	if r.element != 0 {
		next = r.element
	}
	switch {
	case err != nil:
		return err
	case next == '{':
		return r.object(func(string) error { return r.skip() })
	case next == '[':
		return r.skipList()
	}
	if _, err := r.marker(); err != nil {
		return err
	}
	width, number := ubjWidths[next]
	switch {
	case number:
		_, err = r.take(int(width))
		return err
	case next == 'S':
		n, err := r.length(1)
		r.pos += n
		return err
	case next == 'Z', next == 'T', next == 'F':
		return nil
	}
	return malformed(at, "has a value of the type %q, which XGBoost does not read", next)
}

func (r *ubjReader) skipList() error {
	start := *r
	n, element, err := r.openList()
	if err != nil {
		return err
	}
	if element != 0 {
		r.pos += n * ubjWidths[element]
		r.depth--
		return nil
	}
	*r = start
	return r.list(func(int) error { return r.skip() })
}

// longText reads a string of up to maxText bytes.
func (r *ubjReader) longText() (string, error) {
	at := r.pos
	marker, err := r.marker()
	switch {
	case err != nil:
		return "", err
	case marker != 'S':
		return "", malformed(at, "has a value of the type %q where a text has to be", marker)
	}
	return r.chars(maxText)
}

// chars reads a length and as many bytes, most at most.
func (r *ubjReader) chars(most int64) (string, error) {
	at := r.pos
	n, err := r.length(1)
	switch {
	case err != nil:
		return "", err
	case n > most:
		return "", tooComplex("has a text of %d bytes at byte %d; at most %d are allowed there", n, at, most)
	}
	text := make([]byte, 0, n)
	for int64(len(text)) < n {
		part, err := r.take(int(min(n-int64(len(text)), windowSize)))
		if err != nil {
			return "", err
		}
		text = append(text, part...)
	}
	if !utf8.Valid(text) {
		return "", malformed(at, "has a text that is not UTF-8")
	}
	return string(text), nil
}

// int reads an integer of low or more.
func (r *ubjReader) int(low int64) (int64, error) {
	at := r.pos
	marker, err := r.marker()
	if err != nil {
		return 0, err
	}
	width := ubjWidths[marker]
	if width == 0 || marker == 'd' || marker == 'D' || marker == 'C' {
		return 0, malformed(at, "has a value of the type %q where a whole number has to be", marker)
	}
	b, err := r.take(int(width))
	if err != nil {
		return 0, err
	}
	var n int64
	for _, digit := range b {
		n = n<<8 | int64(digit)
	}
	if shift := 64 - 8*width; marker != 'U' {
		n = n << shift >> shift // two's complement
	}
	if n < low {
		return 0, malformed(at, "has %d where a whole number of %d or more has to be", n, low)
	}
	return n, nil
}

// end makes sure that nothing follows.
func (r *ubjReader) end() error {
	if r.pos < r.f.size {
		return malformed(r.pos, "has something after its UBJSON")
	}
	return nil
}
