package httpserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what takes milliseconds on a machine that does nothing else.
const patience = 20 * time.Second

// serve serves the handler on a port of its own.
func serve(t *testing.T, handler http.HandlerFunc) (*Server, string) {
	t.Helper()
	s := Configure(&http.Server{Handler: handler})
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = s.Serve(listener); close(ended) }() // ends with the cleanup
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
		for s.Stats().Open > 0 { // net/http closes what it has lingered on half a second later
			time.Sleep(10 * time.Millisecond)
		}
	})
	return s, listener.Addr().String()
}

// client is a connection on which a test writes what it likes.
type client struct {
	*net.TCPConn
	testing.TB
}

func dial(t *testing.T, address string) client {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	tcp, _ := c.(*net.TCPConn)
	_ = tcp.SetDeadline(time.Now().Add(patience))
	return client{tcp, t}
}

func (c client) send(text string) {
	c.Helper()
	if _, err := io.WriteString(c.TCPConn, text); err != nil {
		c.Fatal(err)
	}
}

// answer reads one answer.
func (c client) answer() (status int, body string) {
	c.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c.TCPConn), nil)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// within waits for an end.
func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("not within %s: %s", patience, what)
	}
}

// waiting returns a handler that says when it has read its body, and waits for the end of its request.
func waiting() (handler http.HandlerFunc, entered chan struct{}, ended chan error) {
	entered, ended = make(chan struct{}, 8), make(chan error, 8)
	return func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		entered <- struct{}{}
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	}, entered, ended
}
