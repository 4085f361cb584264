package telemetry

import (
	"context"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Exchange is one request and its answer, as the log, the trace and the metrics see them. It is the http.ResponseWriter of every
// handler below it, so that it knows what was answered. It belongs to the goroutine of its request.
type Exchange struct {
	http.ResponseWriter

	route  string
	quiet  bool
	err    error
	status int
	bytes  int64
	began  time.Time
	span   trace.Span
	trace  trace.TraceID
	id     string // the same, as RequestID gives it
	begins func() // called when the answer begins, unless it is nil
}

type exchangeKey struct{}

// Begin returns the exchange of a request: the one in its context, or a new one. A new one continues the trace that the request's headers name
// (W3C Trace Context), or begins one, and sets X-Request-Id on the answer. Handlers must use both results.
func Begin(w http.ResponseWriter, r *http.Request) (*Exchange, *http.Request) {
	if x := from(r.Context()); x != nil {
		return x, r
	}
	return begin(traceContext(r.Context(), r.Header), w, r)
}

// begin returns a new exchange in the context's trace.
func begin(ctx context.Context, w http.ResponseWriter, r *http.Request) (*Exchange, *http.Request) {
	span := trace.SpanFromContext(ctx)
	x := &Exchange{ResponseWriter: w, began: time.Now(), span: span, trace: span.SpanContext().TraceID(), id: RequestID(ctx)}
	w.Header()["X-Request-Id"] = []string{x.id}
	return x, r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
}

// from returns the exchange in the context, nil if there is none.
func from(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}

// Fail records the error of a request, which is logged once, with the request's line. The first error counts; without
// an exchange in ctx it does nothing.
func Fail(ctx context.Context, err error) {
	if x := from(ctx); x != nil && x.err == nil {
		x.err = err
	}
}

// SetRoute records the pattern of the route that serves the request. Without an exchange in ctx it does nothing.
func SetRoute(ctx context.Context, pattern string) {
	if x := from(ctx); x != nil {
		x.route = pattern
	}
}

// SetQuiet makes the request be logged at level debug, unless the answer is a failure of ours. Without an exchange in ctx it does nothing.
func SetQuiet(ctx context.Context) {
	if x := from(ctx); x != nil {
		x.quiet = true
	}
}

// OnAnswer makes f be called once, when the answer begins. It replaces a function that was set before.
func (x *Exchange) OnAnswer(f func()) { x.begins = f }

// Started reports whether the answer has begun, so that its status can no longer change.
func (x *Exchange) Started() bool { return x.status != 0 }

// WriteHeader implements http.ResponseWriter. Informational answers (1xx) are passed on and do not begin the answer.
func (x *Exchange) WriteHeader(status int) {
	if status >= http.StatusOK {
		x.start(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. It begins the answer with 200 if no status was written.
func (x *Exchange) Write(p []byte) (int, error) {
	x.start(http.StatusOK)
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that io.Copy can use the connection's own, which may use sendfile. It begins the answer as Write does.
func (x *Exchange) ReadFrom(r io.Reader) (int64, error) {
	x.start(http.StatusOK)
	n, err := io.Copy(x.ResponseWriter, r)
	x.bytes += n
	return n, err
}

// Flush implements http.Flusher, which connect needs for streams. It begins the answer as Write does.
func (x *Exchange) Flush() {
	x.start(http.StatusOK)
	if flusher, ok := x.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (x *Exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// start records the status and calls OnAnswer's function, the first time that it is called.
func (x *Exchange) start(status int) {
	if x.status != 0 {
		return
	}
	x.status = status
	if x.begins != nil {
		x.begins()
	}
}
