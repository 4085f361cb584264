package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpserver"
)

// maxScrapers bounds the connections to /metrics.
const maxScrapers = 32

type scrapeConfig struct {
	// Address is where /metrics is served; "off" serves it nowhere. 9090 and 9091 are queue-proxy's.
	Address string `env:"METRICS_ADDRESS" envDefault:":9095"`
}

// ServeMetrics serves /metrics at METRICS_ADDRESS until the process closes, and nowhere if that is "off". It fails if it cannot listen there.
// A host of many functions mounts Telemetry.Handler instead.
func ServeMetrics(e *env.Env) error {
	var config scrapeConfig
	if err := e.Config(&config); err != nil || config.Address == "off" {
		return err
	}
	t, err := Open(e)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", config.Address)
	if err != nil {
		return fmt.Errorf("METRICS_ADDRESS: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", t.Handler())
	server := httpserver.Configure(&http.Server{Handler: mux}) //nolint:gosec // Configure sets the timeouts
	server.WriteTimeout = time.Minute
	if err := server.Limit(httpserver.Limits{Connections: maxScrapers}); err != nil {
		return err
	}
	e.Go(func(ctx context.Context) {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			e.Logger().Error("metrics are no longer served", "error", err)
		}
	})
	return nil
}
