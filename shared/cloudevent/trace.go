package cloudevent

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// Traceparent returns the context's trace in W3C form, or "" if it has none.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}

// Context returns ctx with the trace that the event came from.
func (e Event) Context(ctx context.Context) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": e.Traceparent})
}
