package telemetry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/17882237881/MaaS/shared/env"
)

const scope = "github.com/17882237881/MaaS"

type exportConfig struct {
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
}

// export begins to send traces and metrics by OTLP over HTTP, and returns a tracer and a function that flushes and ends both. Without
// OTEL_EXPORTER_OTLP_ENDPOINT all results are nil. The exporters read their other settings (OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER)
// from the environment themselves.
func export(ctx context.Context, e *env.Env, registry prometheus.Gatherer) (trace.Tracer, func(context.Context) error, error) {
	var config exportConfig
	if err := e.Config(&config); err != nil || config.Endpoint == "" {
		return nil, nil, err
	}
	endpoint := strings.TrimSuffix(config.Endpoint, "/")
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"))
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	points, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(endpoint+"/v1/metrics"))
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	service := resource.NewSchemaless(attribute.String("service.name", e.Name()))
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(service))
	metrics := metric.NewMeterProvider(metric.WithResource(service), metric.WithReader(
		metric.NewPeriodicReader(points, metric.WithProducer(bridge.NewMetricProducer(bridge.WithGatherer(registry)))),
	))
	flush := func(ctx context.Context) error { return errors.Join(traces.Shutdown(ctx), metrics.Shutdown(ctx)) }
	return traces.Tracer(scope), flush, nil
}
