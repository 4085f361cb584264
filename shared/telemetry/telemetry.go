// Package telemetry is what can be seen of a process from outside: its log (slog), its traces (OpenTelemetry) and its metrics (Prometheus).
//
// serve begins an Exchange for each request and ends it with one log line, one span and its metrics; httpapi tells the exchange its
// route and its error.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
)

// Telemetry is a process's metrics and traces. It is safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	tracer   trace.Tracer // nil where traces go nowhere
	requests *prometheus.HistogramVec
}

// Open returns the process's one Telemetry; the first call creates it. If OTEL_EXPORTER_OTLP_ENDPOINT is set, traces and metrics are sent by
// OTLP over HTTP and flushed when the process closes. Otherwise traces are only passed on from hop to hop.
func Open(e *env.Env) (*Telemetry, error) {
	return env.Once(e, "telemetry", func(ctx context.Context) (*Telemetry, func(context.Context) error, error) {
		t := &Telemetry{registry: prometheus.NewRegistry(), requests: newRequests()}
		t.registry.MustRegister(t.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		tracer, flush, err := export(ctx, e, t.registry)
		t.tracer = tracer
		return t, flush, err
	})
}

// newRequests returns the histogram of the durations of requests. Its _count is the number of requests by function,
// route and status. The buckets reach from a cached answer to the longest wait for a model.
func newRequests() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_request_duration_seconds",
		Help:    "Time from the request's header to the end of its answer.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"function", "route", "status"})
}

// Register adds a collector to the process's metrics and returns it. If an equal one is registered already, it returns that one instead. It
// fails if that has another type.
func Register[C prometheus.Collector](e *env.Env, collector C) (C, error) {
	t, err := Open(e)
	if err != nil {
		return collector, err
	}
	var there prometheus.AlreadyRegisteredError
	if err = t.registry.Register(collector); errors.As(err, &there) {
		first, ok := there.ExistingCollector.(C)
		if !ok {
			return collector, fmt.Errorf("telemetry: the metric is registered already as %T: %w", there.ExistingCollector, err)
		}
		return first, nil
	}
	return collector, err
}

// Handler returns the handler of /metrics.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry})
}

// Begin begins a new exchange for a request, with a span if traces are sent. ctx is the request's context with what its handlers are to find
// there. The caller calls End.
func (t *Telemetry) Begin(ctx context.Context, w http.ResponseWriter, r *http.Request) (*Exchange, *http.Request) {
	ctx = traceContext(ctx, r.Header)
	if t.tracer != nil {
		ctx, _ = t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer)) //nolint:spancheck // End ends it
	}
	return begin(ctx, w, r)
}

// End ends the exchange: it records its duration in the metrics, logs one line, and ends its span. An exchange without a status counts as 200.
// function is the label of the metrics.
func (t *Telemetry) End(x *Exchange, r *http.Request, log *slog.Logger, function string) {
	took := time.Since(x.began)
	x.start(http.StatusOK) // a handler that wrote nothing has answered 200
	t.requests.WithLabelValues(function, x.route, strconv.Itoa(x.status)).Observe(took.Seconds())
	if x.span.IsRecording() {
		x.span.SetName(x.name(r))
		x.span.SetAttributes(attribute.String("http.route", x.route), attribute.Int("http.response.status_code", x.status))
		if x.status >= http.StatusInternalServerError {
			x.span.SetStatus(codes.Error, http.StatusText(x.status))
		}
	}
	x.span.End()
	x.log(r, log, took)
}

// name returns the name of the exchange's span: the route's pattern, or the method if no route was found.
func (x *Exchange) name(r *http.Request) string {
	if x.route == "" {
		return r.Method
	}
	return x.route
}

// log writes the request's one line to the log, with its error if there is one.
func (x *Exchange) log(r *http.Request, log *slog.Logger, took time.Duration) {
	level := x.level()
	if !log.Enabled(r.Context(), level) {
		return
	}
	line := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes), slog.Duration("took", took),
	}
	if x.err != nil {
		line = append(line, slog.String("kind", string(fault.KindOf(x.err))), slog.String("error", x.err.Error()))
	}
	log.LogAttrs(r.Context(), level, "request", line...)
}

// level returns the level of the request's line: error for our failures, also after a good status, debug for quiet routes, and info for the
// rest.
func (x *Exchange) level() slog.Level {
	switch {
	case x.status >= http.StatusInternalServerError, x.err != nil && fault.KindOf(x.err).Status() >= http.StatusInternalServerError:
		return slog.LevelError
	case x.quiet:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}
