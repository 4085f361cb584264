package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/shared/fault"
)

// Content reads an object from where it is sought to, in one ranged request for each place. Not safe for concurrent use.
type Content struct {
	ctx    context.Context //nolint:containedctx // io.ReadSeeker has no place for it, and it lives as long as the request that it serves
	store  *Store
	key    Key
	size   int64
	offset int64
	body   io.ReadCloser // nil until something is read from here
	err    error
}

// Content opens an object for reading and seeking, as http.ServeContent wants it. It looks whether the object is there, and asks for its bytes
// with the first Read. It ends with ctx; the caller closes it. It fails with Internal if the object is not there: a row says that it is.
func (s *Store) Content(ctx context.Context, key Key, size int64) (*Content, error) {
	object, err := s.Head(ctx, key)
	if fault.Is(err, fault.NotFound) || err == nil && object.Size != size {
		return nil, fault.New(fault.Internal, "The object store does not hold what it should.", fault.Op("objects.Content"), fault.Cause(err))
	}
	if err != nil {
		return nil, err
	}
	return &Content{ctx: ctx, store: s, key: key, size: size}, nil
}

// Seek implements io.Seeker.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.offset
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("objects: sought %d bytes before the begin of %s", -offset, c.key)
	}
	if offset != c.offset {
		_ = c.Close() // only read from
		c.offset = offset
	}
	return offset, nil
}

// Read implements io.Reader.
func (c *Content) Read(p []byte) (int, error) {
	if c.offset >= c.size {
		return 0, io.EOF
	}
	if c.body == nil {
		body, err := c.store.Range(c.ctx, c.key, c.offset, c.size-c.offset)
		if err != nil {
			c.err = err
			return 0, err
		}
		c.body = body
	}
	n, err := c.body.Read(p)
	c.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// Err is what went wrong with the store while reading, nil if nothing did.
func (c *Content) Err() error { return c.err }

// Close implements io.Closer. What is read or sought afterwards asks anew.
func (c *Content) Close() error {
	if c.body == nil {
		return nil
	}
	body := c.body
	c.body = nil
	return body.Close()
}

// Serve answers a request with the bytes of an object of the size, or the ranges asked for; http.ServeContent knows ranges and preconditions
// (RFC 9110, 13 and 14). header adds what else the answer has, once the object is there.
func (s *Store) Serve(w http.ResponseWriter, r *http.Request, key Key, size int64, header func(http.Header)) error {
	content, err := s.Content(r.Context(), key, size)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // only read from
	header(w.Header())
	http.ServeContent(w, r, "", time.Time{}, content)
	return content.Err() // once the answer has begun, it can only be cut
}
