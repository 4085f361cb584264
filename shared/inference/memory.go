package inference

import (
	"io"
	"sync/atomic"
)

// memory bounds the bytes of all calls' bodies that are in the process at once.
type memory struct{ left atomic.Int64 }

func newMemory(bytes int64) *memory {
	m := &memory{}
	m.left.Store(bytes)
	return m
}

// loan is what one call has of the memory. It belongs to one goroutine at a time.
type loan struct {
	of    *memory
	taken int64
}

// take fails with RateLimited where there is not enough left. It does not wait: calls that each wait for more than they have would wait
// for each other.
func (l *loan) take(bytes int64) error {
	if l.of.left.Add(-bytes) < 0 {
		l.of.left.Add(bytes)
		return busy("The gateway has no memory left for the body; try again.")
	}
	l.taken += bytes
	return nil
}

// end gives back what was taken.
func (l *loan) end() {
	l.of.left.Add(l.taken)
	l.taken = 0
}

// reader takes memory for what is read through it.
func (l *loan) reader(from io.Reader) io.Reader { return &loanReader{from, l} }

type loanReader struct {
	io.Reader

	loan *loan
}

// Read implements io.Reader.
func (r *loanReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if short := r.loan.take(int64(n)); short != nil {
		return 0, short
	}
	return n, err
}

// body is a request's body that takes memory for what is read.
type body struct {
	io.Reader
	io.Closer
}
