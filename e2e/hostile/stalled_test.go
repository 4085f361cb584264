package hostile

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// stalled is a body that has one byte, and then no other until ctx ends.
type stalled struct {
	ctx  context.Context //nolint:containedctx // of the request, whose part this is
	sent bool
}

// Read implements io.Reader.
func (s *stalled) Read(p []byte) (int, error) {
	if !s.sent {
		s.sent = true
		return copy(p, " "), nil
	}
	<-s.ctx.Done()
	return 0, io.ErrUnexpectedEOF
}

// TestStalledBodiesStopNobody has a caller announce 64 MiB in each of 32 calls, twice the memory for all bodies, and send a byte of each.
func TestStalledBodiesStopNobody(t *testing.T) {
	t.Parallel()
	innocent := inferring(t, the.Register(t))
	hostile := the.Register(t)
	path, site := hostile.Publish("stalled", "digits.onnx"), hostile.Site()
	unharmed(t, innocent, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				transport := &http.Transport{DisableKeepAlives: true}
				request, err := http.NewRequestWithContext(ctx, http.MethodPost, site.URL+path, &stalled{ctx: ctx})
				if err != nil {
					t.Error(err)
					return
				}
				request.ContentLength = 64 * mib
				request.Header.Set("Authorization", "Bearer "+site.Token)
				answer, err := transport.RoundTrip(request)
				if err == nil {
					_ = answer.Body.Close()
				}
			})
		}
		all.Wait()
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Error("no body was stalled until the end")
		}
	})
}
