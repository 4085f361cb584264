package telemetry

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// RequestID returns the trace's id, 32 lowercase hexadecimal digits: it names the request in answers (X-Request-Id), in logs and
// in traces, over all hops. It is "" outside any request or event.
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

// Inject writes the context's trace into the headers of a call that goes out.
func Inject(ctx context.Context, h http.Header) {
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
}

// Traceparent returns the context's trace as events carry it (W3C Trace Context, 3.2), or "".
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// WithTraceparent returns a context in the trace that an event carried; what is no traceparent changes nothing.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// traceContext finds the trace that a request belongs to: that of traceparent, else that of an X-Request-Id which we gave out, else a new one.
func traceContext(ctx context.Context, h http.Header) context.Context {
	if len(h["Traceparent"]) == 1 {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
	}
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, newTrace(h.Get("X-Request-Id")))
}

// newTrace begins a trace with the id, or with one of its own if that is no trace id. It is sampled, as a trace that begins here is.
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
