package inference

import (
	"errors"
	"io"
	"runtime/debug"
	"sync"

	"github.com/17882237881/MaaS/shared/share"
)

const (
	// besideMemory is what the process holds beyond MAAS_INFER_MEMORY at most: kept answers, caches, buffers of connections, hashing, and the garbage that Go
	// has not collected yet.
	besideMemory = 512 << 20
	// bodiesInMemory is how many times MAAS_INFER_MAX_BODY must fit into MAAS_INFER_MEMORY: share.Lone of them for one credential by itself, which needs two for
	// the longest body while it grows, or for a request over gRPC and an answer that are nearly as long. What takes more, as numbers in JSON do, is refused as too
	// large when the share is no more than that.
	bodiesInMemory = 2 * share.Lone
)

// limitHeap sets Go's memory limit so that the process stays within memory bytes for bodies and 512 MiB for all else. If GOMEMLIMIT is set it does
// nothing.
func limitHeap(memory int64) {
	const none = 1<<63 - 1 // debug.SetMemoryLimit's default
	if debug.SetMemoryLimit(-1) == none {
		debug.SetMemoryLimit(memory + besideMemory)
	}
}

// loan is what one call, or one run for several calls, holds of the memory for bodies. It is safe for concurrent use, and ends with its last user.
type loan struct {
	mu    sync.Mutex
	held  share.Loan
	users int
}

// lend begins a loan with one user.
func (l *loan) lend(memory *share.Pool, h share.Holder) { l.held, l.users = memory.Loan(h), 1 }

// take adds bytes to the loan. It fails with RateLimited if too little memory is free, and with TooLarge if the caller could never get so much. It
// does not wait, since calls that wait for each other's memory would never end.
func (l *loan) take(bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held.Take(bytes)
}

// try is like take, for a caller that can do without. It reports whether the bytes were granted.
func (l *loan) try(bytes int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held.TryTake(bytes)
}

// give returns bytes of the loan before it ends.
func (l *loan) give(bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.Return(bytes)
}

// join adds a user of the loan, who must call leave.
func (l *loan) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
}

// leave removes a user of the loan, and ends the loan with the last one.
func (l *loan) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users == 0 {
		l.held.End()
	}
}

// keep changes the loan to hold the given number of bytes. Shrinking never fails; growing fails as share.Loan.Take
// does.
func (l *loan) keep(bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := l.held.Held() - bytes; over > 0 {
		l.held.Return(over)
		return nil
	}
	return l.held.Take(bytes - l.held.Held())
}

// firstBuffer is what is taken for a body of unknown length, and doubled as it arrives.
const firstBuffer = 8 << 10

// read reads a whole body and takes the memory for it, before it reads. announced is the body's length, -1 if it is not known; then memory is taken
// as the buffer grows. It fails with io.ErrShortBuffer if the body has more than limit bytes, and as take does.
func (l *loan) read(from io.Reader, announced, limit int64) ([]byte, error) {
	if announced > limit {
		return nil, io.ErrShortBuffer
	}
	if announced >= 0 {
		if err := l.take(announced); err != nil {
			return nil, err
		}
		body := make([]byte, announced)
		_, err := io.ReadFull(from, body)
		return body, err
	}
	buffer, err := l.grow(nil, limit)
	for err == nil {
		if len(buffer) == cap(buffer) {
			if buffer, err = l.grow(buffer, limit); err != nil {
				break
			}
		}
		var n int
		n, err = from.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buffer, err
}

// copyPiece is the most bytes that grow copies at a time. Go cannot preempt a goroutine within one copy, and all others wait while the garbage collector
// stops them.
const copyPiece = 256 << 10

// grow returns a copy of the buffer with twice the room, at most limit+1 bytes, and takes the memory for it. It fails with io.ErrShortBuffer if the
// buffer has more than limit already.
func (l *loan) grow(buffer []byte, limit int64) ([]byte, error) {
	old := int64(cap(buffer))
	if old > limit {
		return buffer, io.ErrShortBuffer
	}
	size := max(2*old, firstBuffer)
	if size >= limit { // a buffer of limit bytes would have to grow by one to see the end
		size = limit + 1
	}
	if err := l.take(size); err != nil {
		return buffer, err
	}
	longer := make([]byte, len(buffer), size)
	for done := 0; done < len(buffer); done += copyPiece {
		copy(longer[done:], buffer[done:min(done+copyPiece, len(buffer))])
	}
	l.give(old)
	return longer, nil
}
