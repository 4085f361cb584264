package maas

import (
	"io"
	"sync"
)

// counter tells of the bytes of one try, and takes them back if the try failed.
type counter struct {
	io.Reader

	sent func(int64)

	mu    sync.Mutex
	n     int64
	ended bool
}

// Read implements io.Reader. The transport may still read after the try has ended; that no longer counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.n += int64(n)
		c.sent(int64(n))
	}
	return n, err
}

func (c *counter) undo() { c.settle(0) }

// settle ends the count at what the try has brought: all of a chunk that the server had already and did not read.
func (c *counter) settle(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended && c.n != n {
		c.sent(n - c.n)
	}
	c.n, c.ended = n, true
}
