package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api/fault"
)

// pace is the least rate at which a streamed body must arrive, so that a client which sends byte by byte holds nothing for long. Only the time in
// which the reader waits for the client counts: a slow store is not the client's doing.
type pace struct {
	// Rate is bytes per second; 0 takes any rate.
	Rate int64 `env:"MAAS_BODY_MIN_RATE" envDefault:"1024"`
	// Window is the time over which the rate is measured. A pause as long ends a body of any rate.
	Window time.Duration `env:"MAAS_BODY_RATE_WINDOW" envDefault:"30s"`
}

func (p pace) check() error { return checkRate("MAAS_BODY", p.Rate, p.Window) }

// limit returns a body that fails if it comes more slowly than the least rate: with Timeout, which slow counts, or with Canceled if the
// connection is lost.
func (p pace) limit(body io.ReadCloser, control *http.ResponseController, slow prometheus.Counter) *pacedBody {
	return &pacedBody{ReadCloser: body, control: readDeadline{control: control}, leastRate: newLeastRate(p.Rate, p.Window, slow)}
}

type pacedBody struct {
	io.ReadCloser
	leastRate

	control readDeadline
	ended   atomic.Bool // whether the last Read failed; leave may come at the same time
}

// Read implements io.Reader. It fails with Timeout if the client sends more slowly than the least rate.
func (b *pacedBody) Read(p []byte) (int, error) {
	asked := time.Now()
	if deadline, move := b.begin(asked); move {
		b.control.set(deadline)
	}
	n, err := b.ReadCloser.Read(p)
	b.add(asked, n)
	if err == nil {
		err = b.judge()
	}
	if err == nil {
		return n, nil
	}
	b.ended.Store(true)
	var deadline time.Time // none, or the wait for the answer would look like a client that is gone
	if errors.Is(err, os.ErrDeadlineExceeded) {
		deadline = asked // or net/http would wait for the rest before it answers
	}
	b.control.set(deadline)
	return n, b.fault(err)
}

// leave is called when the handler has returned. It bounds how long net/http waits for the rest of the body, and makes later Reads set no
// deadline. It may be called during a Read.
func (b *pacedBody) leave() {
	if !b.ended.Load() {
		b.control.set(time.Now().Add(b.step))
	}
	b.control.leave()
}

// readDeadline sets a request's read deadline until its handler returns: net/http's HTTP/2 panics in those who set it later.
type readDeadline struct {
	mu      sync.Mutex
	control *http.ResponseController // nil once the handler has returned
}

// set sets the read deadline, and does nothing after leave.
func (d *readDeadline) set(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.control != nil {
		_ = d.control.SetReadDeadline(at) // a writer without deadlines (in tests) reads without
	}
}

// leave makes set do nothing from now on.
func (d *readDeadline) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.control = nil
}

// fault returns io.EOF as it is, Timeout, which it counts, for a deadline that has passed, and Canceled for any other error.
func (b *pacedBody) fault(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.count()
		return fault.New(fault.Timeout, fmt.Sprintf(
			"The body came too slowly: %d bytes in the last %s, where %d a second are the least (MAAS_BODY_MIN_RATE).",
			b.bytes, b.waited.Round(time.Second), b.rate), fault.Cause(err))
	default:
		return fault.New(fault.Canceled, "The body ended early.", fault.Cause(err))
	}
}
