package serve

import (
	"context"
	"errors"
	"fmt"
	"os"

	fn "knative.dev/func-go/http"

	"github.com/17882237881/MaaS/shared/httpserver"
)

// Main runs a function as a process of its own on func-go's server, until SIGTERM or SIGINT. If it fails, it prints the error and exits with
// status 1. It is all that cmd/<name>/main.go calls.
func Main(name string, f *Function) {
	fn.SetLogLevel(fn.LogWarn)
	f.called = name
	err := NewServer(f).Start(context.Background())
	if f.ended.Load() && errors.Is(err, context.DeadlineExceeded) {
		err = nil // func-go's server waits 30 s for the requests in flight, and Stop waits longer
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// NewServer returns func-go's server for the function, configured by httpserver: without its 30 s limit, with HTTP/2 without TLS, which gRPC
// needs, and with limited connections. It listens at LISTEN_ADDRESS, [::]:8080 by default.
func NewServer(f *Function) *fn.Service {
	server := fn.New(f)
	configured := httpserver.Configure(&server.Server)
	configured.Refuse = RefuseConnection
	f.server.Store(configured)
	server.RegisterOnShutdown(f.Drain)
	if os.Getenv("K_REVISION") != "" { // Knative sets it
		ctx, end := context.WithCancel(context.Background())
		server.RegisterOnShutdown(end)
		go configured.KeepQueueProxy(ctx, f.Drain) // ends with the server's shutdown
	}
	return server
}
