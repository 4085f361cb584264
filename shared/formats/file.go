package formats

import (
	"errors"
	"io"
	"unicode"
	"unicode/utf8"
)

// The bounds of one reading, far above what the largest models need.
const (
	windowSize = 64 << 10 // bytes of one read, and of memory for it
	maxReads   = 1 << 17
	maxFields  = 1 << 24
	maxName    = 1 << 10 // bytes
)

// file reads an io.ReaderAt through one window, and counts what that costs. Whatever reads from it can also fail as peek does.
type file struct {
	from   io.ReaderAt
	size   int64
	at     int64
	window []byte // the bytes from at on
	space  []byte

	reads, walked int
}

// newFile returns a reader of from, which has size bytes, with an empty window.
func newFile(from io.ReaderAt, size int64) *file {
	return &file{from: from, size: size, space: make([]byte, min(windowSize, size))}
}

// peek returns the n bytes at pos, fewer only at the end of the file. n is at most windowSize. The bytes are valid until the next peek. It fails
// with *Refusal after too many reads, and with from's error if it cannot be read.
func (f *file) peek(pos int64, n int) ([]byte, error) {
	n = int(min(int64(n), f.size-pos))
	if from := pos - f.at; from >= 0 && from+int64(n) <= int64(len(f.window)) {
		return f.window[from : from+int64(n)], nil
	}
	f.reads++
	if f.reads > maxReads {
		return nil, tooComplex("needs more than %d reads to find its headers", maxReads)
	}
	f.at, f.window = pos, f.space[:min(int64(len(f.space)), f.size-pos)]
	if got, err := f.from.ReadAt(f.window, pos); got < len(f.window) {
		f.window = nil
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // it is shorter than its size
		}
		return nil, err
	}
	return f.window[:n], nil
}

// string reads the bytes of m as a name. It fails with *Refusal unless they are at most 1 KiB of UTF-8 without control characters, so that a name
// can be shown and stored.
func (f *file) string(m message) (string, error) {
	length := m.end - m.pos
	if length > maxName {
		return "", malformed(m.pos, "has a name of %d bytes; at most %d are allowed", length, maxName)
	}
	b, err := f.peek(m.pos, int(length))
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", malformed(m.pos, "has a name that is not UTF-8")
	}
	name := string(b)
	for _, r := range name {
		if unicode.IsControl(r) {
			return "", malformed(m.pos, "has a name with a control character")
		}
	}
	return name, nil
}
