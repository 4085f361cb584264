package maas

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// longestSilence is how long a server may take to answer: longer than its own deadline for what is not said to take long.
const longestSilence = 2 * time.Minute

var errSilent = errors.New("maas: the server is silent")

// watch ends an exchange in which nothing has moved for a while: a connection whose other end is gone may look alive for hours.
type watch struct {
	timer   *time.Timer
	silence time.Duration
	cancel  context.CancelCauseFunc
}

// newWatch returns a context that ends with the cause errSilent if nothing moves for as long as silence; 0 stands for longestSilence. The caller ends the
// watch.
func newWatch(ctx context.Context, silence time.Duration) (context.Context, *watch) {
	if silence == 0 {
		silence = longestSilence
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{silence: silence, cancel: cancel}
	w.timer = time.AfterFunc(silence, func() { cancel(errSilent) })
	return ctx, w
}

// end stops the watch and ends its context.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// over returns the answer's body, whose reads tell the watch that bytes move. Close ends the watch.
func (w *watch) over(body io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{&watchedBody{Reader: body, watch: w}, closer(func() error {
		defer w.end()
		return body.Close()
	})}
}

type closer func() error

// Close implements io.Closer.
func (c closer) Close() error { return c() }

// watchedBody tells the watch that bytes move, and remembers why no more could be read.
type watchedBody struct {
	io.Reader

	watch  *watch
	failed atomic.Pointer[error]
}

// Read implements io.Reader. It restarts the time of the watch.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.timer.Reset(b.watch.silence)
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// err returns why the body could not be read, nil if it was not cut off.
func (b *watchedBody) err() error {
	if err := b.failed.Load(); err != nil {
		return *err
	}
	return nil
}
