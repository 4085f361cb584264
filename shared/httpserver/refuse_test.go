package httpserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const plainGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// limited serves with limits of its own.
func limited(t *testing.T, l Limits, handler http.HandlerFunc) (*Server, string) {
	t.Helper()
	s, address := serve(t, handler)
	if err := s.Limit(l); err != nil {
		t.Fatal(err)
	}
	return s, address
}

func ok(http.ResponseWriter, *http.Request) {}

// used returns a connection that has had an answer, and is idle.
func used(t *testing.T, s *Server, address string) client {
	t.Helper()
	c := dial(t, address)
	c.use()
	s.rest(t)
	return c
}

// rest waits until all connections are idle: the answer of a request arrives before that.
func (s *Server) rest(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if s.connections.resting() {
			return
		}
	}
	t.Fatal("a request is under way")
}

func (all *connections) resting() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, c := range all.open {
		if c.queued == nil {
			return false
		}
	}
	return true
}

func (c client) use() {
	c.Helper()
	c.send(plainGet)
	if status, _ := c.answer(); status != http.StatusOK {
		c.Fatalf("status %d", status)
	}
}

// ended waits until the server has closed the connection.
func (c client) ended() {
	c.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		c.Fatalf("the connection is open: %v", err)
	}
}

func TestTheOldestIdleConnectionMakesRoomForANewOne(t *testing.T) {
	t.Parallel()
	s, address := limited(t, Limits{Connections: 3, PerAddress: 3}, ok)
	first, silent, third := used(t, s, address), dial(t, address), used(t, s, address)
	first.use() // now the silent one is oldest
	s.rest(t)
	fourth := used(t, s, address)
	silent.ended()
	first.use()
	third.use()
	fourth.use()
	if got := s.Stats(); got != (Stats{Open: 3, Limit: 3, Evicted: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestTheAddressWithMostConnectionsMakesRoom(t *testing.T) {
	t.Parallel()
	s, address := limited(t, Limits{Connections: 6, PerAddress: 5}, ok)
	innocent := from(t, "127.0.0.2", address)
	innocent.use() // it has been idle longest
	greedy := make([]client, 0, 5)
	for range 5 {
		greedy = append(greedy, used(t, s, address))
	}
	from(t, "127.0.0.3", address).use()
	s.rest(t)
	greedy[0].ended()
	innocent.use()
	s.rest(t)
	used(t, s, address) // of an address at its limit: one of its own goes
	greedy[1].ended()
	innocent.use()
}

// from dials from an address of loopback.
func from(t *testing.T, source, address string) client {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(source), 0))}
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	tcp, _ := c.(*net.TCPConn)
	_ = tcp.SetDeadline(time.Now().Add(patience))
	return client{tcp, t}
}

// preface begins an HTTP/2 connection, with empty SETTINGS.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

func TestAnHTTP2ConnectionIsIdleWithoutStreams(t *testing.T) {
	t.Parallel()
	handler, entered, _ := waiting()
	s, address := limited(t, Limits{Connections: 1, PerAddress: 1}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			handler(w, r)
		}
	})
	h2 := dial(t, address)
	h2.send(preface)
	_, _ = io.ReadFull(h2.TCPConn, make([]byte, 9)) // its SETTINGS
	s.rest(t)
	_ = used(t, s, address)
	if _, err := io.Copy(io.Discard, h2.TCPConn); os.IsTimeout(err) {
		t.Error("the connection is open")
	}

	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/wait", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { _, err := transport.RoundTrip(r); left <- err }() // ends with ctx
	<-entered
	refused := dial(t, address)
	refused.send(plainGet)
	if status, _ := refused.answer(); status != http.StatusServiceUnavailable {
		t.Errorf("beside a stream: %d", status)
	}
	leave()
	<-left
}

// TestBeyondTheLimitHealthIsAnswered has all connections in use.
func TestBeyondTheLimitHealthIsAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits Limits
		text   string
	}{
		"in all":         {Limits{Connections: 2, PerAddress: 2, Proxies: Proxies{netip.MustParsePrefix("127.0.0.0/8")}}, "The server has 2 connections open"},
		"for an address": {Limits{Connections: 10, PerAddress: 2}, "Your address has 2 connections open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, entered, _ := waiting()
			s, address := limited(t, c.limits, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					handler(w, r)
				}
			})
			for range 2 {
				dial(t, address).send(post)
				<-entered
			}
			for range 2 * reserved { // they do not keep a health check out
				dial(t, address)
			}
			for _, request := range []string{plainGet, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"} {
				refused := dial(t, address)
				refused.send(request)
				answer, err := http.ReadResponse(bufio.NewReader(refused.TCPConn), nil)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" || !strings.HasPrefix(string(text), c.text) {
					t.Errorf("%d, %v, %q", answer.StatusCode, answer.Header, text)
				}
				refused.ended()
			}
			probe := dial(t, address)
			probe.send("GET /health/readiness HTTP/1.1\r\nHost: x\r\n\r\n")
			if status, _ := probe.answer(); status != http.StatusOK {
				t.Errorf("health: %d", status)
			}
			probe.ended()
			if got := s.Stats(); got.Open > 2+reserved || int(got.Refused) != 2*reserved+3 || got.Evicted != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// exhausted is a listener that finds no file left a few times.
type exhausted struct {
	net.Listener

	left atomic.Int32
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", []error{syscall.EMFILE, syscall.ENOBUFS, syscall.EPERM}[l.left.Load()%3])}
	}
	return l.Listener.Accept()
}

func TestNoErrorOfAcceptEndsTheServer(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &exhausted{Listener: listener}
	l.left.Store(4)
	s := Configure(&http.Server{Handler: http.HandlerFunc(ok)})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }() // ends with Close
	dial(t, listener.Addr().String()).use()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != http.ErrServerClosed { //nolint:errorlint // the very value
		t.Error(err)
	}
}

func TestAProcessWithoutFilesClosesItsOldestIdleConnection(t *testing.T) {
	t.Parallel()
	s, address := limited(t, Limits{Connections: 10}, ok)
	first, second := used(t, s, address), used(t, s, address)
	s.connections.shed()
	first.ended()
	second.use()
}

// TestIdleConnectionsTakeLittleMemory measures what derive reckons with.
func TestIdleConnectionsTakeLittleMemory(t *testing.T) { //nolint:paralleltest // it measures the process
	const many = 400
	for name, speak := range map[string]func(client){
		"HTTP/1": client.use,
		"HTTP/2": func(c client) { c.send(preface); _, _ = io.ReadFull(c.TCPConn, make([]byte, 9)) },
	} {
		s, address := limited(t, Limits{Connections: many, PerAddress: many}, ok)
		was := inUse()
		all := make([]client, many)
		for i := range all {
			all[i] = dial(t, address)
			speak(all[i])
		}
		each := (inUse() - was) / many
		t.Logf("%s: an idle connection takes %d bytes, its client's end included", name, each)
		if got := s.Stats().Open; got != many || each > connectionMemory {
			t.Errorf("%s: %d bytes each, more than the %d that the limit reckons with; %d are open", name, each, connectionMemory, got)
		}
		for _, c := range all {
			_ = c.Close()
		}
	}
}

func inUse() uint64 {
	runtime.GC() //nolint:revive // what is left is in use
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func TestAConnectionWhoseRequestHasArrivedIsSpared(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	all := newConnections(Limits{Connections: 2, PerAddress: 2})
	accept := func() (client, net.Conn) {
		c := dial(t, listener.Addr().String())
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = accepted.Close() })
		return c, accepted
	}
	first, accepted := accept()
	all.add(accepted, func() {})
	first.send(plainGet)
	for until := time.Now().Add(patience); !hasInput(accepted); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the request does not arrive")
		}
	}
	second, accepted := accept()
	all.add(accepted, func() {})
	_, accepted = accept()
	all.add(accepted, func() {})
	second.ended()
	if got := all.statistics(); got.Open != 2 || got.Evicted != 1 {
		t.Errorf("%+v", got)
	}
}
