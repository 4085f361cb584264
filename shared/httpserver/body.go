package httpserver

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Duplex lets a request's body be read while its answer is written. Configure applies it; a handler under a server that is not configured applies it
// itself, to the server's own ResponseWriter. Within another Duplex it does nothing.
//
// By default net/http reads up to 256 KiB of the body, and closes it, before the first byte of an HTTP/1 answer. A proxy whose server answers early
// then loses the body that it passes on, and with it the rest of the answer; a client that sends slowly gets no answer, not even an error, until it
// has sent all. With full duplex the answer goes out at once, and what is left of the body is read and discarded after it (discard).
func Duplex(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Context().Value(duplexKey{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // HTTP/2 always is
		b := &body{Reader: r.Body, ctx: r.Context()}
		stop := after(r.Context(), func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }) // who reads the body need not wait any longer
		defer stop()
		inner := r.WithContext(context.WithValue(r.Context(), duplexKey{}, true)) // r keeps its body: net/http looks at it
		inner.Body = b
		next.ServeHTTP(w, inner)
		stop()
		if r.ProtoMajor == 1 && !b.ended.Load() && (!b.awaited(r) || !discard(control, r.Body)) {
			abandon(w, control)
		}
	})
}

// after calls f in a goroutine of its own once ctx has ended. stop prevents that, or waits until f has returned. A ResponseController must not
// be used after its handler, so the handler calls stop.
func after(ctx context.Context, f func()) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return sync.OnceFunc(func() {
		if !cancel() {
			<-done
		}
	})
}

// duplexKey marks the contexts of requests that Duplex serves.
type duplexKey struct{}

// body is a request's body that fails once the request's context has ended.
type body struct {
	io.Reader
	ctx   context.Context //nolint:containedctx // of the request, whose part this is
	begun atomic.Bool
	ended atomic.Bool
}

// Read implements io.Reader. It fails with the cause of the request's context once that has ended.
func (b *body) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	b.begun.Store(true)
	n, err := b.Reader.Read(p)
	switch {
	case err == io.EOF: //nolint:errorlint // a Reader's end is the very value
		b.ended.Store(true)
	case err != nil && b.ctx.Err() != nil: // the deadline that ended the wait is no news
		err = context.Cause(b.ctx)
	}
	return n, err
}

// Close implements io.Closer. It leaves the body open, so that a proxy's transport can still look at its end; net/http closes it after the answer.
func (*body) Close() error { return nil }

// awaited reports whether the rest of the body is on its way. A client that waits for 100 (Continue) and got none sends nothing.
func (b *body) awaited(r *http.Request) bool {
	return b.ctx.Err() == nil && (b.begun.Load() || r.Header.Get("Expect") == "")
}

const (
	// lingerTime and lingerBytes bound the reading of a body that nobody wants. A connection that is closed with bytes unread is reset, which
	// takes an answer from a client that has not read it yet; nginx lingers likewise (lingering_close).
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20
)

// discard flushes the answer, and reads and drops the rest of the request's body, for lingerTime and lingerBytes at most. It reports whether
// it reached the body's end.
func discard(control *http.ResponseController, rest io.Reader) bool {
	if control.Flush() != nil {
		return false
	}
	_ = control.SetReadDeadline(time.Now().Add(lingerTime)) // net/http sets its own before the next request
	_, err := io.CopyN(io.Discard, rest, lingerBytes)
	return err == io.EOF //nolint:errorlint // a Reader's end is the very value
}

// abandon makes net/http close the connection after the answer, so that the rest of the body is not taken for the next request. MaxBytesReader
// with an exceeded limit is the way to tell it.
func abandon(w http.ResponseWriter, control *http.ResponseController) {
	_, _ = http.MaxBytesReader(w, io.NopCloser(strings.NewReader(" ")), 0).Read(make([]byte, 1))
	_ = control.SetReadDeadline(time.Unix(1, 0)) // net/http looks for the body's end once more
}
