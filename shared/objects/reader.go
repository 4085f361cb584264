package objects

import (
	"context"
	"io"
	"slices"
	"sync"
)

const (
	block  = 256 << 10 // bytes read at once: what a header's next fields need, without another round trip
	blocks = 16        // kept, the last used first: 4 MiB for one Reader
)

// Reader reads an object of a known size at any place, for format readers that jump from header to header: whole blocks are read, and the
// last few are kept. It is safe for concurrent use.
type Reader struct {
	size int64
	fill func(b []byte, offset int64) error

	mu   sync.Mutex
	kept []page
}

type page struct {
	at    int64
	bytes []byte
}

// Reader returns a Reader of an object of the given size. Its reads fail after ctx has ended.
func (s *Store) Reader(ctx context.Context, key Key, size int64) *Reader {
	return &Reader{size: size, fill: func(b []byte, offset int64) error { return s.readFull(ctx, key, offset, b, brief()) }}
}

// ReadAt implements io.ReaderAt. It fails with io.EOF beyond the object's size, and with the store's faults.
func (r *Reader) ReadAt(b []byte, offset int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(b) && offset+int64(n) < r.size {
		at := offset + int64(n)
		content, err := r.block(at - at%block)
		if err != nil {
			return n, err
		}
		n += copy(b[n:], content[at%block:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// block returns the block of the object that begins at the byte at, from those that are kept or from the store.
func (r *Reader) block(at int64) ([]byte, error) {
	if i := slices.IndexFunc(r.kept, func(p page) bool { return p.at == at }); i >= 0 {
		found := r.kept[i]
		copy(r.kept[1:i+1], r.kept[:i])
		r.kept[0] = found
		return found.bytes, nil
	}
	content := make([]byte, min(block, r.size-at))
	if err := r.fill(content, at); err != nil {
		return nil, err
	}
	r.kept = slices.Insert(r.kept[:min(len(r.kept), blocks-1)], 0, page{at, content})
	return content, nil
}

// readFull fills b with the object's bytes from offset on. While the store is unavailable it tries again, as long as the patience lasts.
func (s *Store) readFull(ctx context.Context, key Key, offset int64, b []byte, p patience) error {
	return p.insist(ctx, func() error { return s.readOnce(ctx, key, offset, b) })
}

// readOnce is readFull without retries.
func (s *Store) readOnce(ctx context.Context, key Key, offset int64, b []byte) error {
	body, err := s.Range(ctx, key, offset, int64(len(b)))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // only read from
	_, err = io.ReadFull(body, b)
	return err
}
