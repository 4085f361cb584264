package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/17882237881/MaaS/shared/fault"
)

const (
	// bodyIdle bounds a pause within a streamed body, however long the whole takes.
	bodyIdle = time.Minute
	// bodyStep is how often the deadline is moved, so that not each read pays for it.
	bodyStep = time.Second
)

// idleBody is a body that fails when nothing arrives for the idle time. Its errors are faults: Timeout for a pause, Canceled for a lost connection.
type idleBody struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
	moved   time.Time
}

// Read implements io.Reader.
func (b *idleBody) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.moved) > bodyStep {
		b.moved = now
		_ = b.control.SetReadDeadline(now.Add(b.idle)) // a writer without deadlines (in tests) reads without
	}
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	_ = b.control.SetReadDeadline(time.Time{}) // or the wait for the answer would look like a client that is gone
	return n, b.fault(err)
}

func (b *idleBody) fault(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.New(fault.Timeout, fmt.Sprintf("Nothing of the body arrived for %s.", b.idle), fault.Cause(err))
	default:
		return fault.New(fault.Canceled, "The body ended early.", fault.Cause(err))
	}
}
