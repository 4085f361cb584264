package formats

import (
	"bytes"
	"strconv"
	"strings"
)

// tarBlock is the size of the header of a tar archive's file (POSIX.1-2017, pax, ustar Interchange Format).
const tarBlock = 512

// isTar reports whether a file's first block is a header by its checksum. Python's tarfile asks for no more (Lib/tarfile.py, TarInfo.frombuf), and
// torch.load tries a file that is no zip archive for a tar archive first (torch/serialization.py, _legacy_load).
func isTar(head []byte) bool {
	const begin, end = 148, 156 // of the checksum
	if len(head) < tarBlock {
		return false
	}
	want, ok := tarNumber(head[begin:end])
	unsigned, signed := int64(' ')*(end-begin), int64(' ')*(end-begin)
	for i, c := range head[:tarBlock] {
		if i >= begin && i < end {
			continue
		}
		unsigned += int64(c)
		signed += int64(int8(c)) //nolint:gosec // as some programs take it
	}
	return ok && (want == unsigned || want == signed)
}

// tarNumber reads a number as tarfile does (nti): in base 256, or in octal digits in any form that Python's int takes.
func tarNumber(b []byte) (int64, bool) {
	const positive, negative = 0x80, 0xff
	if b[0] == positive || b[0] == negative {
		n := int64(0)
		for _, c := range b[1:] {
			n = n<<8 | int64(c)
		}
		if b[0] == negative {
			n -= 1 << (8 * (len(b) - 1))
		}
		return n, true
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	digits := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(string(text)), "_", ""))
	sign := int64(1)
	if rest, minus := strings.CutPrefix(digits, "-"); minus {
		digits, sign = rest, -1
	}
	digits = strings.TrimPrefix(strings.TrimPrefix(digits, "+"), "0o")
	if digits == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(digits, 8, 64)
	return sign * n, err == nil
}

// notTar fails with a *Refusal if a file with a pickle is a tar archive too.
func (f *file) notTar() error {
	head, err := f.peek(0, tarBlock)
	if err == nil && isTar(head) {
		err = &Refusal{Malformed, Tar, "this file is a pickle and a tar archive at once: PyTorch would read the archive"}
	}
	return err
}
