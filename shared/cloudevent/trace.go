package cloudevent

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// Traceparent returns the context's trace in W3C form, or "".
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// Context is ctx in the trace that the event came out of.
func (e Event) Context(ctx context.Context) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": e.Traceparent})
}
