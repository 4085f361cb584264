package httpserver

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// refusalKey marks the contexts of connections beyond the limits.
type refusalKey struct{}

// isHealthCheck reports whether the path is one that a server answers however many connections it has: func-go's, and the Open Inference Protocol's.
func isHealthCheck(path string) bool {
	return strings.HasPrefix(path, "/health/") || strings.HasPrefix(path, "/v2/health/")
}

// RefusalRetry is when a client that was refused should try again.
const RefusalRetry = time.Second

// refuseBeyondLimits returns next for connections within the limits. On others it lets only health checks through, refuses all other requests,
// and closes the connection after one answer.
func (s *Server) refuseBeyondLimits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		why, beyond := r.Context().Value(refusalKey{}).(Refusal)
		if !beyond {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close") // HTTP/2 sends GOAWAY
		if isHealthCheck(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		if r.ProtoMajor == 1 && r.ContentLength != 0 {
			_ = control.EnableFullDuplex() // the answer does not wait for the request's body
			defer abandon(w, control)
		}
		s.Refuse(w, r, why)
	})
}

// String returns a sentence for the client: the limit that was reached, and what to do.
func (why Refusal) String() string {
	if why.PerAddress {
		return fmt.Sprintf("Your address has %d connections open, which is the limit for one address; close some, or try again.", why.Limit)
	}
	return fmt.Sprintf("The server has %d connections open, which is its limit; try again.", why.Limit)
}

// Setting returns the environment variable of the limit that refused the connection.
func (why Refusal) Setting() string {
	if why.PerAddress {
		return "MAAS_MAX_CONNECTIONS_PER_ADDRESS"
	}
	return "MAAS_MAX_CONNECTIONS"
}

// refuse answers 503 in plain text, with Retry-After. It is the default of Server.Refuse.
func refuse(w http.ResponseWriter, _ *http.Request, why Refusal) {
	w.Header().Set("Retry-After", strconv.Itoa(int(RefusalRetry.Seconds())))
	http.Error(w, why.String(), http.StatusServiceUnavailable)
}

// lasting is a listener of which no error ends net/http's loop: it tries again after a pause, which grows to a second.
type lasting struct {
	net.Listener

	shed func() // makes a file free
}

// Accept implements net.Listener. Every error but that of a closed listener is temporary to net/http, which tries again. If no file is free,
// Accept closes an idle connection.
func (l lasting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	switch {
	case err == nil || errors.Is(err, net.ErrClosed):
		return c, err
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		l.shed()
	}
	return c, passing{err}
}

// passing is an error that net/http takes for a temporary one.
type passing struct{ error }

// Timeout implements net.Error.
func (passing) Timeout() bool { return false }

// Temporary implements net.Error.
func (passing) Temporary() bool { return true }

// Unwrap returns the error itself.
func (p passing) Unwrap() error { return p.error }
