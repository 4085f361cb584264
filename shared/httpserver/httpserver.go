// Package httpserver configures net/http's server as every process of MaaS runs it, whatever it serves: functions, the one-machine host, a model
// server. It adds what net/http leaves open:
//
//   - full duplex on HTTP/1: an answer may begin before its request has been read, and both then go on (body.go);
//   - a client that has gone ends its requests, whatever it sent before it went (watch_linux.go);
//   - open connections are bounded, in all and for each address, and idle ones make room for new ones (limits.go, connections.go);
//   - the requests that are still running at the end of a drain are told why they end (Server.End);
//   - Knative's queue-proxy does not stop before the requests that it has passed on (queueproxy.go).
package httpserver

import (
	"context"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute // longer than Knative's activator and Envoy keep theirs, so that they close first
	maxHeader  = 64 << 10
)

// Server is an http.Server that Configure has prepared. It is safe for concurrent use.
type Server struct {
	*http.Server

	// Refuse answers a request on a connection beyond the limits. Set it before the server serves; the default answers 503 in plain text.
	Refuse func(w http.ResponseWriter, r *http.Request, why Refusal)

	end         context.CancelCauseFunc // ends all requests
	watcher     watcher
	running     atomic.Int64 // requests
	connections *connections
}

// Configure prepares a server, whose Handler is set, before it serves: it sets timeouts, protocols (HTTP/1, and HTTP/2 without TLS, which gRPC
// needs), the default Limits and the hooks BaseContext, ConnContext and ConnState, and wraps Handler. It changes to.
func Configure(to *http.Server) *Server {
	life, end := context.WithCancelCause(context.Background()) //nolint:forbidigo // of all requests; End ends it
	limits, _ := Limits{}.resolve()                            // the defaults always hold
	s := &Server{Server: to, Refuse: refuse, end: end, connections: newConnections(limits)}
	to.ReadTimeout, to.WriteTimeout = 0, 0 // each route bounds its bodies by itself
	to.ReadHeaderTimeout, to.IdleTimeout, to.MaxHeaderBytes = headerTime, idleTime, maxHeader
	to.Protocols = new(http.Protocols)
	to.Protocols.SetHTTP1(true)
	to.Protocols.SetUnencryptedHTTP2(true)
	to.BaseContext = func(net.Listener) context.Context { return life }
	to.ConnContext = s.opened
	to.ConnState = s.changed
	to.Handler = s.refuseBeyondLimits(s.count(Duplex(to.Handler)))
	return s
}

// count returns next, with the requests that it serves counted in s.running.
func (s *Server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// Limit changes the limits of the server's connections from now on. It fails for negative limits, and for more connections than the process
// may open files.
func (s *Server) Limit(l Limits) error {
	resolved, err := l.resolve()
	if err != nil {
		return err
	}
	s.connections.setLimits(resolved)
	return nil
}

// Unlimit removes the limits of the server's connections. It is for a listener that only processes of this host reach, whose requests are
// limited elsewhere.
func (s *Server) Unlimit() {
	s.connections.setLimits(Limits{Connections: math.MaxInt32, PerAddress: math.MaxInt32})
}

// Stats counts the server's connections.
func (s *Server) Stats() Stats { return s.connections.statistics() }

// Serve accepts connections until the server is closed or drained, and returns http.ErrServerClosed then. Failures to accept one are retried.
func (s *Server) Serve(l net.Listener) error { return s.Server.Serve(lasting{l, s.connections.shed}) }

// End ends the contexts of all requests that are running, and of those to come, with the cause: context.Cause gives it, and fault.Because puts it
// in the place of the bare end of the context. Handlers that wait for their requests' bodies wait no longer.
func (s *Server) End(cause error) { s.end(cause) }

// lastAnswers is how long requests that were ended may take to write their answers.
const lastAnswers = 2 * time.Second

// Drain accepts no more connections and waits for the running requests. When ctx ends, it ends those that are left with the cause, gives them
// two seconds to answer, and closes their connections; it then returns ctx's error.
func (s *Server) Drain(ctx context.Context, cause error) error {
	err := s.Shutdown(ctx)
	if err == nil {
		return nil
	}
	s.End(cause)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if s.Shutdown(last) != nil {
		_ = s.Close()
	}
	return err
}

// opened records a new connection and returns the context of its requests, which ends when its client goes. For a refused connection the
// context has the Refusal.
func (s *Server) opened(ctx context.Context, c net.Conn) context.Context {
	ctx, end := context.WithCancel(ctx)
	stop := s.watcher.watch(c, end)
	if why := s.connections.add(c, func() { stop(); end() }); why != nil {
		return context.WithValue(ctx, refusalKey{}, *why)
	}
	return ctx
}

// changed records that a connection has become active or idle, or is closed.
func (s *Server) changed(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive:
		s.connections.becomeActive(c)
	case http.StateIdle:
		s.connections.becomeIdle(c)
	case http.StateClosed, http.StateHijacked:
		s.connections.remove(c)
	case http.StateNew: // opened has it
	}
}
