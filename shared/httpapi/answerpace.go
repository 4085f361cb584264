package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api/fault"
)

// answerPace is the least rate at which a client must read a streamed answer, so that one which does not read holds no slot, memory or connection for
// long. Only the time in which the writer waits for the client counts. What the buffers of both kernels take counts as read.
type answerPace struct {
	// Rate is bytes per second; 0 takes any rate.
	Rate int64 `env:"MAAS_ANSWER_MIN_RATE" envDefault:"1024"`
	// Window is the time over which the rate is measured. A pause as long ends an answer of any rate.
	Window time.Duration `env:"MAAS_ANSWER_RATE_WINDOW" envDefault:"30s"`
}

func (p answerPace) check() error { return checkRate("MAAS_ANSWER", p.Rate, p.Window) }

// answerPiece is written at a time, so that a long Write is seen to progress. No window is so short that a client of the least rate could not read it.
const answerPiece = 16 << 10

// limit returns a writer of the request's answer that fails if the client reads more slowly than the least rate: with Timeout for a slow
// client, which slow counts, and with Canceled for one that is gone.
func (p answerPace) limit(w http.ResponseWriter, r *http.Request, slow prometheus.Counter) *pacedAnswer {
	return &pacedAnswer{ResponseWriter: w, leastRate: newLeastRate(p.Rate, p.Window, slow), multiplexed: r.ProtoMajor > 1}
}

type pacedAnswer struct {
	http.ResponseWriter
	leastRate

	multiplexed bool // HTTP/2 resets a stream at its deadline, even if nothing is written then
}

// Unwrap lets http.ResponseController reach the underlying writer.
func (a *pacedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Write implements io.Writer. It fails with Timeout if the client reads too slowly, and with Canceled if it is gone.
func (a *pacedAnswer) Write(p []byte) (written int, err error) {
	defer a.rest()
	for first := true; first || len(p) > 0; first = false {
		piece := p[:min(len(p), answerPiece)]
		began := a.start()
		n, err := a.ResponseWriter.Write(piece)
		written += n
		if err := a.end(began, n, err); err != nil {
			return written, err
		}
		p = p[len(piece):]
	}
	return written, nil
}

// Flush implements http.Flusher.
func (a *pacedAnswer) Flush() { _ = a.FlushError() }

// FlushError flushes the answer for http.ResponseController. It fails as Write does.
func (a *pacedAnswer) FlushError() error {
	defer a.rest()
	began := a.start()
	return a.end(began, 0, http.NewResponseController(a.ResponseWriter).Flush())
}

// leave sets a last deadline when the handler returns, for what net/http writes after that.
func (a *pacedAnswer) leave() { a.start() }

// start is called before a write. It moves the write deadline if that is due, and returns the time.
func (a *pacedAnswer) start() time.Time {
	now := time.Now()
	if deadline, move := a.begin(now); move {
		a.setDeadline(deadline)
	}
	return now
}

// rest is called after a write. On HTTP/2 it takes the deadline away, which would reset the stream though nothing is being written.
func (a *pacedAnswer) rest() {
	if a.multiplexed {
		a.moved = time.Time{}
		a.setDeadline(time.Time{})
	}
}

// setDeadline sets the write deadline, and none for the zero time.
func (a *pacedAnswer) setDeadline(at time.Time) {
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(at) // a writer without deadlines (in tests) writes without
}

// end is called after a write that began at began, wrote n bytes and returned err. It returns a fault if that failed or the rate is too low,
// and nil otherwise.
func (a *pacedAnswer) end(began time.Time, n int, err error) error {
	a.add(began, n)
	if err == nil {
		err = a.judge()
	}
	if err != nil {
		return a.fault(err)
	}
	return nil
}

// fault returns Timeout, which it counts, for the err of a client that was too slow, and Canceled for any other.
func (a *pacedAnswer) fault(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || a.waited >= a.window { // HTTP/2 says only that the stream is closed
		a.count()
		return fault.New(fault.Timeout, fmt.Sprintf("The answer was read too slowly: %d bytes in %s, where %d a second are the least (MAAS_ANSWER_MIN_RATE).",
			a.bytes, a.waited.Round(time.Second), a.rate), fault.Cause(err))
	}
	return fault.New(fault.Canceled, "The client is gone.", fault.Cause(err))
}
