package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	fn "knative.dev/func-go/http"
)

const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute // longer than Knative's activator and Envoy keep theirs, so that they close first
	maxHeader  = 64 << 10
)

// Main runs a function as a process of its own on func-go's server, until SIGTERM or SIGINT. It is all that cmd/<name>/main.go calls.
func Main(name string, f *Function) {
	fn.SetLogLevel(fn.LogWarn)
	f.called = name
	err := NewServer(f).Start(context.Background())
	if f.ended.Load() && errors.Is(err, context.DeadlineExceeded) {
		err = nil // func-go's server waits 30 s for the requests in flight, and Stop has waited longer
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// NewServer gives func-go's server for the function, without its 30 s cut and with HTTP/2 in cleartext, which gRPC needs.
// It listens on LISTEN_ADDRESS, [::]:8080 by default.
func NewServer(f *Function) *fn.Service {
	server := fn.New(f)
	server.ReadTimeout, server.WriteTimeout = 0, 0
	server.ReadHeaderTimeout, server.IdleTimeout, server.MaxHeaderBytes = headerTime, idleTime, maxHeader
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.RegisterOnShutdown(f.Drain)
	return server
}
