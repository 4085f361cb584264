package transfer

import (
	"io"
	"sync"

	"github.com/google/uuid"
)

// claim is the lease of a chunk's place. Writers of the same bytes share one generation: whichever is told first that the store has them
// settles it. Other bytes get the place only when the generation is over, and start the next.
type claim struct {
	Chunk

	generation uuid.UUID
}

// gate passes a chunk's bytes on to the store, but the last of them only under the lease that open takes. The store keeps nothing of a part that
// is not whole, so that writers can send different bytes to the same part at the same time: only the one with the lease replaces what is there.
// A process that was stopped and goes on after its lease's end must not overwrite what its successor wrote.
type gate struct {
	from io.Reader
	open func() (l *lease, stop func(), err error)

	mu     sync.Mutex // when the store has failed, one Read may still be under way
	left   int64      // bytes
	held   *lease     // nil before open
	stop   func()
	closed bool
}

// Read implements io.Reader. Before it gives the chunk's last byte it opens the gate, and fails with the error of open. It fails with lost() once the lease
// is over, and with io.ErrClosedPipe after shut.
func (g *gate) Read(b []byte) (int, error) {
	n, err := g.from.Read(b)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left -= int64(n); g.left > 0 || n == 0 {
		return n, err
	}
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	if g.held == nil {
		held, stop, err := g.open()
		if err != nil {
			return 0, err
		}
		g.held, g.stop = held, stop
	}
	if g.held.left() <= 0 {
		return 0, lost()
	}
	return n, err
}

// shut closes the gate, stops the renewal of its lease, and reports whether the gate was ever open. If it was not, the
// store has not received the whole part and never will.
func (g *gate) shut() (opened bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	if g.held == nil {
		return false
	}
	g.stop()
	return true
}
