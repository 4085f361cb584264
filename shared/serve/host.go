package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// host is a started function with what surrounds each of its requests.
type host struct {
	name      string
	handler   http.Handler
	ready     func() bool
	cold      *coldStart // nil where functions share the process
	telemetry *telemetry.Telemetry
	log       *slog.Logger
}

// newHost returns a started function whose routes are in handler. cold may be nil.
func newHost(e *env.Env, handler http.Handler, cold *coldStart) (*host, error) {
	t, err := telemetry.Open(e)
	return &host{name: e.Name(), handler: handler, ready: e.Ready, cold: cold, telemetry: t, log: e.Logger()}, err
}

// handle answers a request, without the server's own deadlines and with its body read while the answer is written.
func (h *host) handle(w http.ResponseWriter, r *http.Request, draining <-chan struct{}) {
	liftDeadlines(w)
	exchange := func(w http.ResponseWriter, r *http.Request) { h.exchange(w, r, draining) }
	httpserver.Duplex(http.HandlerFunc(exchange)).ServeHTTP(w, r) // func-go's own server is not configured
}

// exchange serves a request and records it. It answers /version itself and turns a panic of the handler into a 500.
// draining is closed when the process is to stop.
func (h *host) exchange(w http.ResponseWriter, r *http.Request, draining <-chan struct{}) {
	if r.URL.Path == "/version" {
		writeVersion(w, h.name)
		return
	}
	x, r := h.telemetry.Begin(context.WithValue(r.Context(), drainingKey{}, draining), w, r)
	h.cold.watch(x)
	defer h.telemetry.End(x, r, h.log, h.name)
	defer func() { h.survive(x, r, recover()) }()
	h.handler.ServeHTTP(x, r)
}

// liftDeadlines removes the read and write deadlines of a request, which func-go's server sets to 30 s. httpapi bounds each kind of route by
// itself.
func liftDeadlines(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // a writer without deadlines (in tests) has nothing to lift
	_ = control.SetWriteDeadline(time.Time{})
}

// survive answers a panic with 500 and logs its stack; cause is what recover returned, and nil does nothing. If the answer has begun, or the
// panic is http.ErrAbortHandler, it panics again so that the server cuts the connection.
func (h *host) survive(x *telemetry.Exchange, r *http.Request, cause any) {
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	h.log.ErrorContext(r.Context(), "panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	err := fault.New(fault.Internal, "Something went wrong on our side.", fault.Op("serve"), fault.Cause(fmt.Errorf("panic: %v", cause)))
	if x.Started() {
		telemetry.Fail(r.Context(), err)
		panic(http.ErrAbortHandler)
	}
	httpapi.WriteProblem(x, r, err)
}

// startRetry is when to come again while a function starts.
const startRetry = time.Second

// notReady answers 503 with a time to wait.
func notReady(w http.ResponseWriter, r *http.Request) {
	x, r := telemetry.Begin(w, r)
	httpapi.WriteProblem(x, r, fault.New(fault.Unavailable, "The function is starting or stopping; try again.", fault.RetryAfter(startRetry)))
}
