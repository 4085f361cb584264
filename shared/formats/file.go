package formats

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/ref"
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
	path   ref.Path // in the version, "" where it is not known
	at     int64
	window []byte // the bytes from at on
	space  []byte

	reads, walked int
	fault         error // why the last read failed
}

func newFile(from io.ReaderAt, size int64, path ref.Path) *file {
	return &file{from: from, size: size, path: path, space: make([]byte, min(windowSize, size))}
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
		f.fault = tooComplex("needs more than %d reads to find its headers", maxReads)
		return nil, f.fault
	}
	f.at, f.window = pos, f.space[:min(int64(len(f.space)), f.size-pos)]
	if got, err := f.from.ReadAt(f.window, pos); got < len(f.window) {
		f.window = nil
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // it is shorter than its size
		}
		f.fault = err
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
	return string(b), checkName(string(b), m.pos)
}

// section returns a reader of the bytes [pos, end), which reads through the window.
func (f *file) section(pos, end int64) io.Reader { return &section{f, pos, min(end, f.size)} }

type section struct {
	*file
	pos, end int64
}

func (s *section) Read(p []byte) (int, error) {
	if s.pos >= s.end {
		return 0, io.EOF
	}
	b, err := s.peek(s.pos, int(min(int64(len(p)), windowSize, s.end-s.pos)))
	s.pos += int64(len(b))
	return copy(p, b), err
}
