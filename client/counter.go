package maas

import (
	"io"
	"sync"
)

// counter tells of the bytes of one try, and takes them back if the try failed.
type counter struct {
	io.Reader

	sent func(int64)

	mu   sync.Mutex
	n    int64
	over bool
}

// Read implements io.Reader. The transport may still read after the try is over; that no longer counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.n += int64(n)
		c.sent(int64(n))
	}
	return n, err
}

// undo ends the try and takes back all bytes that it counted.
func (c *counter) undo() { c.end(0) }

// end ends the try and makes it count for n bytes: all of a chunk that the server had already and did not read.
func (c *counter) end(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && c.n != n {
		c.sent(n - c.n)
	}
	c.n, c.over = n, true
}
