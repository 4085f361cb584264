package formats

import (
	"bytes"
	"errors"
	"io"
)

// errShort says that a stream ends before what is to be read does.
var errShort = errors.New("formats: the stream ends too soon")

// byteStream reads bytes one after the other through one window, and knows where it is.
type byteStream struct {
	from        io.Reader
	at          int64 // of the next byte
	window      []byte
	first, last int // the bytes of the window that are not read yet
	err         error
}

// skipper is a reader that can go forward without reading. It returns how many bytes it went, fewer than n only where it ends.
type skipper interface{ skip(n int64) int64 }

// newByteStream reads from a reader; a skipper's bytes that are not wanted are not read.
func newByteStream(from io.Reader) *byteStream {
	return &byteStream{from: from, window: make([]byte, windowSize)}
}

// skip goes forward in the section.
func (s *section) skip(n int64) int64 {
	n = max(0, min(n, s.end-s.pos))
	s.pos += n
	return n
}

// peek returns the next n bytes, n at most windowSize, and fewer only where the stream ends. They are good until the next call.
func (s *byteStream) peek(n int) ([]byte, error) {
	if s.last-s.first < n {
		copy(s.window, s.window[s.first:s.last])
		s.first, s.last = 0, s.last-s.first
		for s.last < n && s.err == nil {
			var got int
			got, s.err = s.from.Read(s.window[s.last:])
			s.last += got
		}
	}
	if s.last-s.first < n && !errors.Is(s.err, io.EOF) {
		return nil, s.err
	}
	return s.window[s.first:min(s.first+n, s.last)], nil
}

// next reads n bytes, n at most windowSize. It fails with errShort where the stream ends before.
func (s *byteStream) next(n int) ([]byte, error) {
	b, err := s.peek(n)
	if err == nil && len(b) < n {
		err = errShort
	}
	if err != nil {
		return nil, err
	}
	s.first += n
	s.at += int64(n)
	return b, nil
}

// skip goes n bytes forward. It fails with errShort where the stream ends before.
func (s *byteStream) skip(n int64) error {
	buffered := min(n, int64(s.last-s.first))
	s.first += int(buffered)
	s.at += buffered
	n -= buffered
	if jumps, ok := s.from.(skipper); ok && n > 0 {
		gone := jumps.skip(n)
		s.at += gone
		n -= gone
	}
	for n > 0 {
		b, err := s.peek(1)
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return errShort
		}
		step := min(n, int64(s.last-s.first))
		s.first += int(step)
		s.at += step
		n -= step
	}
	return nil
}

// line reads up to a line feed and returns what is before it, cut to most bytes, and whether that is all. It fails with errShort where none comes.
func (s *byteStream) line(most int) (text []byte, whole bool, err error) {
	whole = true
	for {
		b, err := s.peek(1)
		if err != nil {
			return nil, false, err
		}
		if len(b) == 0 {
			return nil, false, errShort
		}
		b = s.window[s.first:s.last]
		end := bytes.IndexByte(b, '\n')
		if end >= 0 {
			b = b[:end]
		}
		keep := min(len(b), most-len(text))
		text, whole = append(text, b[:keep]...), whole && keep == len(b)
		s.first += len(b)
		s.at += int64(len(b))
		if end >= 0 {
			s.first++
			s.at++
			return text, whole, nil
		}
	}
}

// ended reports whether nothing follows.
func (s *byteStream) ended() (bool, error) {
	b, err := s.peek(1)
	return err == nil && len(b) == 0, err
}
