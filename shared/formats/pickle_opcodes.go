package formats

import (
	"bytes"
	"encoding/binary"
	"strings"
)

const (
	stop    = '.'
	imports = "ci\x82\x83\x84\x93" // without one of them nothing can be called
)

// isProtocolled reports whether a file that begins with the PROTO opcode of pickle's protocols 2 to 5 (PEP 307, 3154, 574) is a pickle that
// loads, or that runs something before it fails to. One of 16,000 files of numbers begins so by chance; these break off at once.
func isProtocolled(head []byte) bool {
	if len(head) < 3 || head[0] != 0x80 || head[1] < 2 || head[1] > 5 {
		return false
	}
	for rest := head[2:]; len(rest) > 0; {
		opcode := rest[0]
		n := pickleOps[opcode].length(rest[1:])
		switch {
		case opcode == stop, strings.IndexByte(imports, opcode) >= 0:
			return true
		case n < 0:
			return false
		case n >= len(rest)-1:
			return true // it goes on beyond the head
		}
		rest = rest[1+n:]
	}
	return true
}

// length returns how many bytes follow an opcode before the next one, as many as rest has where it ends first; -1 for no opcode.
func (o pickleOp) length(rest []byte) int {
	switch o.argument {
	case noPickleArgument:
		if o.run == nil {
			return -1
		}
		return 0
	case pickleLine:
		return lineLength(rest)
	case pickleLines:
		first := lineLength(rest)
		return first + lineLength(rest[first:])
	case pickleUint1, pickleUint2, pickleUint4, pickleInt4, pickleUint8:
		return pickleWidths[o.argument]
	default:
		return counted(rest, pickleWidths[o.argument])
	}
}

// lineLength returns how many bytes the first line of rest has, with its end.
func lineLength(rest []byte) int {
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		return end + 1
	}
	return len(rest)
}

// counted returns how many bytes a little-endian length of width bytes takes with what it counts, len(rest) where that is more.
func counted(rest []byte, width int) int {
	if len(rest) < width {
		return len(rest)
	}
	var length [8]byte
	copy(length[:], rest[:width])
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(len(rest)-width) { //nolint:gosec // not negative
		return len(rest)
	}
	return width + int(n) //nolint:gosec // less than len(rest)
}
