package telemetry

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// RequestID returns the id of the context's trace, 32 lowercase hexadecimal digits. It names the request in answers (X-Request-Id), logs and
// traces, over all hops. It is "" outside any request or event.
func RequestID(ctx context.Context) string {
	id := trace.SpanContextFromContext(ctx).TraceID()
	if x := from(ctx); x != nil && x.trace == id { // an event's trace is another than that of the request which brought it
		return x.id
	}
	if !id.IsValid() {
		return ""
	}
	return id.String()
}

// Inject writes the context's trace into the headers of an outgoing call. Without a trace it writes nothing.
func Inject(ctx context.Context, h http.Header) {
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
}

// Traceparent returns the context's trace as events have it (W3C Trace Context, 3.2), "" if there is none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// WithTraceparent returns ctx with the trace that an event had. For a malformed traceparent it returns ctx unchanged.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// traceContext returns ctx with the trace that a request belongs to: the one of the header Traceparent, else the one in ctx, else the one
// whose id is in X-Request-Id, else a new one.
func traceContext(ctx context.Context, h http.Header) context.Context {
	if len(h["Traceparent"]) == 1 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
	}
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, newTrace(h.Get("X-Request-Id")))
}

// newTrace returns a new trace with the id requestID, or with a random one if that is no trace id. It is sampled.
func newTrace(requestID string) trace.SpanContext {
	var config trace.SpanContextConfig
	id, err := trace.TraceIDFromHex(requestID)
	if err != nil {
		_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	}
	config.TraceID, config.TraceFlags = id, trace.FlagsSampled
	_, _ = rand.Read(config.SpanID[:])
	return trace.NewSpanContext(config)
}
