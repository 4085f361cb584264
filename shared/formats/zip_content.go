package formats

import (
	"bufio"
	"compress/flate"
	"errors"
	"hash"
	"hash/crc32"
	"io"
)

// zipContent reads the content of an entry to its end, where it makes sure of its size and CRC.
type zipContent struct {
	from  io.Reader
	entry *zipEntry
	left  int64
	sum   hash.Hash32
	err   error // that the content is not what the directory says, or cannot be decompressed
}

// content reads what an entry has, decompressed.
func (f *file) content(e *zipEntry) *zipContent {
	from := f.section(e.data, e.data+e.packed)
	if e.method == zipDeflated {
		from = flate.NewReader(bufio.NewReader(from))
	}
	return &zipContent{from: from, entry: e, left: e.size, sum: crc32.NewIEEE()}
}

// begin returns the first bytes of an entry, at most headSize.
func (f *file) begin(e *zipEntry) ([]byte, error) {
	b := make([]byte, min(headSize, e.size))
	content := f.content(e)
	if _, err := io.ReadFull(content, b); err != nil {
		return nil, content.explain(f, err)
	}
	return b, nil
}

func (c *zipContent) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, c.end()
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	_, _ = c.sum.Write(p[:n]) // it never fails
	if errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	c.err = err
	return n, err
}

// end returns io.EOF, or a refusal if the content is not what the directory says.
func (c *zipContent) end() error {
	var more [1]byte
	if n, err := io.ReadFull(c.from, more[:]); n > 0 || !errors.Is(err, io.EOF) || c.sum.Sum32() != c.entry.crc {
		c.err = malformed(c.entry.header, "has the file %s with another size or another CRC-32 than its directory says", shorten(c.entry.name))
		return c.err
	}
	return io.EOF
}

// explain returns a refusal for an error of the content; refusals, and the error of a file that cannot be read, stay what they are.
func (c *zipContent) explain(f *file, err error) error {
	_, refused := errors.AsType[*Refusal](err)
	switch {
	case f.fault != nil:
		return f.fault
	case refused:
		return err
	default:
		return malformed(c.entry.header, "has the file %s, which cannot be decompressed (%v)", shorten(c.entry.name), err)
	}
}
