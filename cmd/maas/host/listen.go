package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/socket"
)

// listener is an HTTP server on an address of its own. It speaks HTTP/1 and HTTP/2 without TLS, which gRPC needs.
type listener struct {
	net.Listener
	name   string // public, events or models: what metrics call it
	server *httpserver.Server
}

const publicListener = "public" // the one whose connections the operator limits

// bind listens at the TCP address, but does not answer yet, so that the address is taken before anything slow begins. It fails with Conflict
// if another program listens there. name is what metrics call the listener.
func bind(ctx context.Context, name, address string) (*listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fault.New(fault.Conflict, fmt.Sprintf("another program listens on %s; choose an address with --listen", address))
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return &listener{Listener: l, name: name}, nil
}

// bindSocket listens at a Unix socket that only this user may connect to. It replaces a socket that a former process left at the path. name is
// what metrics call the listener.
func bindSocket(ctx context.Context, name, path string) (*listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // the folder has kept others out until now
		return nil, errors.Join(err, l.Close())
	}
	return &listener{Listener: l, name: name}, nil
}

// URL returns the address at which this machine reaches the listener.
func (l *listener) URL() string {
	if l.Addr().Network() == "unix" {
		return socket.URL(l.Addr().String())
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return "http://" + net.JoinHostPort("localhost", port)
	}
	return "http://" + l.Addr().String()
}

// serve answers requests in the background until stop. It fails if the limits of e are malformed.
func (l *listener) serve(e *env.Env, handler http.Handler, log *slog.Logger) error {
	server := httpserver.Configure(&http.Server{ //nolint:gosec // Configure sets the timeouts
		Handler: handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	})
	server.Refuse = serve.RefuseConnection
	if err := l.limit(e, server); err != nil {
		return err
	}
	l.server = server
	go func() { // ends with stop
		if err := server.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the listener ended", "address", l.Addr().String(), "error", err)
		}
	}()
	return nil
}

// limit bounds the connections of the public listener by e's settings. The other listeners, whose callers are this process and its children,
// get metrics but no limit.
func (l *listener) limit(e *env.Env, server *httpserver.Server) error {
	if l.name == publicListener {
		return serve.LimitConnections(e, l.name, server)
	}
	server.Unlimit()
	return serve.MeasureConnections(e, l.name, server)
}

// stop accepts no more requests and waits for those in flight until ctx ends; the rest are answered with 503.
func (l *listener) stop(ctx context.Context) {
	if l.server == nil {
		_ = l.Close() // nothing was answered yet
		return
	}
	_ = l.server.Drain(ctx, serve.Stopping()) // its caller ends in any case
}
