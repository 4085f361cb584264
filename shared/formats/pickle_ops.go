package formats

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pickleArgument is what follows an opcode: how it is written.
type pickleArgument int

const (
	noPickleArgument pickleArgument = iota
	pickleUint1
	pickleUint2
	pickleUint4
	pickleInt4
	pickleUint8
	pickleLine     // up to a line feed
	pickleLines    // two of them
	pickleCounted1 // a length of one byte, and as many bytes, which may be a name
	pickleCounted4 // of four
	pickleCounted8 // of eight
	pickleSkipped1 // the same for bytes that are not
	pickleSkipped4 //
	pickleSkipped8 //
	pickleSigned4  // a length that may not be negative
	pickleInteger1 // a long integer
	pickleInteger4 //
)

// pickleWidths are the bytes of numbers and lengths.
var pickleWidths = [...]int{
	pickleUint1: 1, pickleUint2: 2, pickleUint4: 4, pickleInt4: 4, pickleUint8: 8, pickleCounted1: 1, pickleCounted4: 4, pickleCounted8: 8,
	pickleSkipped1: 1, pickleSkipped4: 4, pickleSkipped8: 8, pickleSigned4: 4, pickleInteger1: 1, pickleInteger4: 4,
}

// pickleRead is the argument of an opcode as far as it is of interest.
type pickleRead struct {
	number      int64
	text, other string
	whole       bool // the text is all of it
}

// pickleOp is an opcode.
type pickleOp struct {
	argument pickleArgument
	run      func(*pickleScan, pickleRead) error
}

// argument reads an opcode's argument.
func (s *pickleScan) argument(kind pickleArgument) (pickleRead, error) {
	switch kind {
	case noPickleArgument:
		return pickleRead{}, nil
	case pickleUint1, pickleUint2, pickleUint4, pickleInt4, pickleUint8:
		n, err := s.number(kind)
		return pickleRead{number: n}, err
	case pickleLine:
		text, whole, err := s.in.line(maxPickleText)
		return pickleRead{text: string(text), whole: whole}, err
	case pickleLines:
		return s.lines()
	default:
		return s.counted(kind)
	}
}

// number reads a number or a length, little-endian; one above int64's greatest becomes negative.
func (s *pickleScan) number(kind pickleArgument) (int64, error) {
	b, err := s.in.next(pickleWidths[kind])
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	n := signed(binary.LittleEndian.Uint64(wide[:]))
	if kind == pickleInt4 || kind == pickleSigned4 || kind == pickleInteger4 {
		n = int64(int32(n)) //nolint:gosec // meant to wrap
	}
	return n, nil
}

// lines reads the module and the name of GLOBAL and INST.
func (s *pickleScan) lines() (pickleRead, error) {
	module, whole, err := s.in.line(maxPickleText)
	if err != nil {
		return pickleRead{}, err
	}
	name, also, err := s.in.line(maxPickleText)
	if err == nil && (!whole || !also || len(module) == 0 || len(name) == 0 || !utf8.Valid(module) || !utf8.Valid(name)) {
		err = malformed(s.at, "imports something without a valid name")
	}
	return pickleRead{text: string(module), other: string(name), whole: true}, err
}

// counted reads a length and the bytes that it counts.
func (s *pickleScan) counted(kind pickleArgument) (pickleRead, error) {
	n, err := s.number(kind)
	switch {
	case err != nil:
		return pickleRead{}, err
	case n < 0:
		return pickleRead{}, malformed(s.at, "has a value without a valid length")
	case n > maxPickleText, kind == pickleSkipped1, kind == pickleSkipped4, kind == pickleSkipped8:
		return pickleRead{}, s.in.skip(n)
	}
	b, err := s.in.next(int(n))
	if err != nil {
		return pickleRead{}, err
	}
	if kind != pickleInteger1 && kind != pickleInteger4 {
		return pickleRead{text: string(b), whole: true}, nil
	}
	return pickleLong(b), nil
}

// pickleLong reads an integer in two's complement, little-endian, if it has at most eight bytes.
func pickleLong(b []byte) pickleRead {
	if len(b) > 8 {
		return pickleRead{}
	}
	var wide [8]byte
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		binary.LittleEndian.PutUint64(wide[:], math.MaxUint64)
	}
	copy(wide[:], b)
	return pickleRead{number: signed(binary.LittleEndian.Uint64(wide[:])), whole: true}
}

// pushText pushes a string; one that was too long to keep is forgotten.
func pushText(s *pickleScan, a pickleRead) error {
	if !a.whole {
		return s.push(pickleForgotten{})
	}
	return s.push(a.text)
}

// pushQuoted pushes the string of STRING, in quotes and perhaps with escapes: what has some is not decoded.
func pushQuoted(s *pickleScan, a pickleRead) error {
	text := a.text
	if a.whole && (len(text) < 2 || text[0] != text[len(text)-1] || text[0] != '\'' && text[0] != '"') {
		return malformed(s.at, "has a string without quotes")
	}
	if !a.whole || strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || r >= utf8.RuneSelf }) {
		return s.push(pickleForgotten{})
	}
	return s.push(text[1 : len(text)-1])
}

// pushEscaped pushes the string of UNICODE, which may have escapes.
func pushEscaped(s *pickleScan, a pickleRead) error {
	if !a.whole || strings.ContainsFunc(a.text, func(r rune) bool { return r == '\\' || r >= utf8.RuneSelf }) {
		return s.push(pickleForgotten{})
	}
	return s.push(a.text)
}

// pushDecimal pushes the integer of INT and LONG, or the truth value that INT has for 00 and 01.
func pushDecimal(s *pickleScan, a pickleRead) error {
	switch a.text {
	case "00":
		return s.push(false)
	case "01":
		return s.push(true)
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(a.text, "L"), 10, 64)
	if err == nil && a.whole && strconv.FormatInt(n, 10) == strings.TrimSuffix(a.text, "L") { // INT has other bases too
		return s.push(n)
	}
	return s.push(pickleForgotten{})
}

// pushLong pushes the integer of LONG1 and LONG4.
func pushLong(s *pickleScan, a pickleRead) error {
	if !a.whole {
		return s.push(nil)
	}
	return s.push(a.number)
}

// index reads the index of GET and PUT. Python reads more forms of numbers than digits; no pickler writes them.
func (s *pickleScan) index(a pickleRead) (int64, error) {
	n, err := strconv.ParseUint(a.text, 10, 32)
	if err != nil || !a.whole {
		return 0, malformed(s.at, "has an index of its memo that is no number")
	}
	return signed(n), nil
}

// pushed returns what pushes a value.
func pushed(v pickleValue) func(*pickleScan, pickleRead) error {
	return func(s *pickleScan, _ pickleRead) error { return s.push(v) }
}

// pickleOps are the opcodes (CPython's Lib/pickle.py).
var pickleOps = newPickleOps()

func newPickleOps() *[256]pickleOp {
	var ops [256]pickleOp
	number := func(s *pickleScan, a pickleRead) error { return s.push(a.number) }
	alone := func(run func(*pickleScan) error) pickleOp {
		return pickleOp{0, func(s *pickleScan, _ pickleRead) error { return run(s) }}
	}
	tuple := func(n int) pickleOp { return alone(func(s *pickleScan) error { return s.tuple(n) }) }
	call := func(n int) pickleOp { return alone(func(s *pickleScan) error { return s.call(n) }) }
	load := func(s *pickleScan, a pickleRead) error { return s.load(a.number) }
	store := func(s *pickleScan, a pickleRead) error { return s.store(a.number) }
	for opcode, op := range map[byte]pickleOp{
		'(': alone((*pickleScan).mark), '.': alone((*pickleScan).stop), '2': alone((*pickleScan).duplicate), '0': {0, discard}, '1': {0, discardToMark},
		'N': {0, pushed(pickleNone{})}, '\x88': {0, pushed(true)}, '\x89': {0, pushed(false)},
		'F': {pickleLine, pushed(nil)}, 'I': {pickleLine, pushDecimal}, 'L': {pickleLine, pushDecimal}, 'G': {pickleUint8, pushed(nil)},
		'J': {pickleInt4, number}, 'K': {pickleUint1, number}, 'M': {pickleUint2, number},
		'\x8a': {pickleInteger1, pushLong}, '\x8b': {pickleInteger4, pushLong},
		'S': {pickleLine, pushQuoted}, 'T': {pickleSigned4, pushText}, 'U': {pickleCounted1, pushText}, 'V': {pickleLine, pushEscaped},
		'X': {pickleCounted4, pushText}, '\x8c': {pickleCounted1, pushText}, '\x8d': {pickleCounted8, pushText},
		'B': {pickleSkipped4, pushed(nil)}, 'C': {pickleSkipped1, pushed(nil)}, '\x8e': {pickleSkipped8, pushed(nil)}, '\x96': {pickleSkipped8, pushed(nil)},
		'P': {pickleLine, persistentLine}, 'Q': {0, persistentValue}, '\x97': {0, outOfBand}, '\x98': {0, outOfBand},
		'R': call(1), '\x81': alone((*pickleScan).create), '\x92': call(2), 'b': alone((*pickleScan).build),
		'c': {pickleLines, global}, 'i': {pickleLines, instance}, 'o': {0, object}, '\x93': {0, stackGlobal},
		'\x82': {pickleUint1, extension}, '\x83': {pickleUint2, extension}, '\x84': {pickleInt4, extension},
		'a': {0, added(1)}, 'e': {0, added(aboveMark)}, '\x90': {0, added(aboveMark)}, 's': alone((*pickleScan).setItem), 'u': alone((*pickleScan).setItems),
		'd': alone((*pickleScan).dict), '}': {0, emptyDict}, ']': {0, pushed(nil)}, '\x8f': {0, pushed(nil)}, 'l': {0, collected}, '\x91': {0, collected},
		't': tuple(aboveMark), ')': tuple(0), '\x85': tuple(1), '\x86': tuple(2), '\x87': tuple(3),
		'g': {pickleLine, loadLine}, 'h': {pickleUint1, load}, 'j': {pickleUint4, load},
		'p': {pickleLine, storeLine}, 'q': {pickleUint1, store}, 'r': {pickleUint4, store},
		'\x94': alone(func(s *pickleScan) error { return s.store(-1) }),
		'\x80': {pickleUint1, protocol}, '\x95': {pickleUint8, func(s *pickleScan, a pickleRead) error { return s.frame(a.number) }},
	} {
		ops[opcode] = op
	}
	return &ops
}
