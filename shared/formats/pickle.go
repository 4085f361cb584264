package formats

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// The argument that follows an opcode of pickle (Python's pickletools).
const (
	noArgument  = "()012NRQabd}el]ostu\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"
	oneLine     = "FILPSVgp"
	oneByte     = "Khq\x80\x82"
	twoBytes    = "M\x83"
	fourBytes   = "Jjr\x84"
	eightBytes  = "G\x95"
	lengthOne   = "UC\x8a\x8c" // a length of one byte, and as many bytes
	lengthFour  = "TBX\x8b"
	lengthEight = "\x8d\x8e\x96"

	stop    = '.'
	imports = "ci\x82\x83\x84\x93" // without one of them nothing can be called
)

// isProtocolled reports whether the head of a file is that of a pickle of the protocols 2 to 5 (PEP 307, 3154, 574) that loads, or runs something
// before loading fails. One of 16,000 files of numbers begins like a pickle by chance, but contains an unknown opcode soon after.
func isProtocolled(head []byte) bool {
	if len(head) < 3 || head[0] != 0x80 || head[1] < 2 || head[1] > 5 {
		return false
	}
	for rest := head[2:]; len(rest) > 0; {
		opcode := rest[0]
		n := argument(opcode, rest[1:])
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

// argument returns how many bytes of rest belong to the opcode as its argument. It is -1 for an unknown opcode, and len(rest) or more if rest ends
// within the argument.
func argument(opcode byte, rest []byte) int {
	among := func(opcodes string) bool { return strings.IndexByte(opcodes, opcode) >= 0 }
	switch {
	case among(noArgument):
		return 0
	case among(oneLine):
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			return len(rest)
		}
		return end + 1
	case among(oneByte):
		return 1
	case among(twoBytes):
		return 2
	case among(fourBytes):
		return 4
	case among(eightBytes):
		return 8
	case among(lengthOne):
		return counted(rest, 1)
	case among(lengthFour):
		return counted(rest, 4)
	case among(lengthEight):
		return counted(rest, 8)
	default:
		return -1
	}
}

// counted returns the size of an argument that begins with its length, of width bytes, little-endian. It is len(rest) if rest ends before.
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
