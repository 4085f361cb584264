package objects

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// source is the body of a request, watched: when the request fails, it tells whether the caller's side or the store broke, and it ends with
// the context even while the caller's reader blocks, since net/http's client waits for it.
type source struct {
	ended <-chan struct{}
	want  chan int
	got   chan portion

	mu   sync.Mutex // the transport may still read after the request has failed
	left int64      // bytes that were promised and have not come
	err  error      // why reading failed; io.EOF where it ended early
}

type portion struct {
	bytes []byte
	err   error
}

// newSource returns a reader of size bytes of from. Its reads fail once ctx has ended, even while from blocks. ctx must end with the request.
func newSource(ctx context.Context, from io.Reader, size int64) *source {
	s := &source{ended: ctx.Done(), want: make(chan int), got: make(chan portion, 1), left: size}
	go s.pump(from) // ends with ctx, or with the Read of from that is under way then
	return s
}

// pump serves the calls of next with bytes of from, until the source has ended.
func (s *source) pump(from io.Reader) {
	space := make([]byte, buffer)
	for {
		select {
		case <-s.ended:
			return
		case n := <-s.want:
			n, err := from.Read(space[:min(n, buffer)])
			s.got <- portion{space[:n], err} // has room: one is asked for at a time
		}
	}
}

// Read implements io.Reader. It returns io.EOF after size bytes, io.ErrUnexpectedEOF if the body ends early, and context.Canceled once ctx has
// ended.
func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	left := s.left
	s.mu.Unlock()
	if left == 0 {
		return 0, io.EOF
	}
	next, ok := s.next(int(min(int64(len(b)), left)))
	if !ok {
		return 0, context.Canceled
	}
	return s.count(copy(b, next.bytes), next.err)
}

// next returns what one Read of at most n bytes gave. ok is false if the source has ended.
func (s *source) next(n int) (next portion, ok bool) {
	select {
	case <-s.ended:
		return portion{}, false
	case s.want <- n:
	}
	select {
	case <-s.ended:
		return portion{}, false
	case next = <-s.got:
		return next, true
	}
}

// count subtracts n from the bytes that are left, and records err unless that was all. It returns what Read returns.
func (s *source) count(n int, err error) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left -= int64(n)
	if err == nil || s.left == 0 {
		return n, nil // the next Read says io.EOF
	}
	s.err = err
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// explain returns the fault of a request that failed with err. If reading the body failed, that is the cause: Invalid if it ended early, TooLarge,
// Timeout, Canceled, or the body's own fault. Otherwise it is what the store's error means.
func (s *source) explain(ctx context.Context, op string, err error) error {
	s.mu.Lock()
	broken, left := s.err, s.left
	s.mu.Unlock()
	if broken == nil {
		return classify(ctx, op, err)
	}
	var own *fault.Error
	var limit *http.MaxBytesError
	switch {
	case errors.As(broken, &own):
		return broken
	case errors.Is(broken, io.EOF):
		return fault.New(fault.Invalid, fmt.Sprintf("the body ended %d bytes early", left), fault.Field("Content-Length"), fault.Op(op))
	case errors.As(broken, &limit):
		return fault.New(fault.TooLarge, fmt.Sprintf("the body is larger than %d bytes", limit.Limit), fault.Op(op))
	case errors.Is(broken, os.ErrDeadlineExceeded), errors.Is(broken, context.DeadlineExceeded):
		return fault.New(fault.Timeout, fmt.Sprintf("the body came too slowly: %d bytes were missing at the deadline", left), fault.Op(op), fault.Cause(broken))
	default:
		return fault.New(fault.Canceled, fmt.Sprintf("the body broke off %d bytes before its end", left), fault.Op(op), fault.Cause(broken))
	}
}

// digestOf decodes S3's form of a SHA-256, base64. It returns the zero Digest for nil or "", and fails for anything else.
func digestOf(checksum *string) (ref.Digest, error) {
	if checksum == nil || *checksum == "" {
		return ref.Digest{}, nil
	}
	sum, err := base64.StdEncoding.DecodeString(*checksum)
	if err != nil || len(sum) != len(ref.SumOf(nil).Bytes()) {
		return ref.Digest{}, fmt.Errorf("%q is not a SHA-256", *checksum)
	}
	return ref.DigestOf(sum), nil
}
