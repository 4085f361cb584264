package telemetry

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/17882237881/MaaS/shared/env"
)

const scope = "github.com/17882237881/MaaS"

type exportConfig struct {
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
}

// openTracer gives the tracer and what flushes it. The exporter reads its other settings (OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER)
// from the environment by itself.
func openTracer(ctx context.Context, e *env.Env) (trace.Tracer, func(context.Context) error, error) {
	var config exportConfig
	if err := e.Config(&config); err != nil {
		return nil, nil, err
	}
	if config.Endpoint == "" {
		return noop.NewTracerProvider().Tracer(scope), nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(config.Endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry: OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", e.Name()))))
	return provider.Tracer(scope), provider.Shutdown, nil
}
