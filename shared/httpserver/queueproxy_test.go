package httpserver

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// proxy answers as queue-proxy does, and counts what puts its stop off.
type proxy struct {
	leaves   atomic.Bool
	probes   atomic.Int32
	requests atomic.Int32
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasPrefix(r.UserAgent(), "kube-probe/"):
		p.requests.Add(1)
	case p.leaves.Load():
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
	default:
		p.probes.Add(1)
		http.Error(w, "queue not ready", http.StatusServiceUnavailable)
	}
}

func TestQueueProxyIsKeptWhileRequestsRun(t *testing.T) {
	t.Parallel()
	queue := &proxy{}
	before := httptest.NewServer(queue)
	t.Cleanup(before.Close)
	handler, entered, ended := waiting()
	s, address := serve(t, handler)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	var drained atomic.Int32
	go func() { s.keep(ctx, before.URL, 5*time.Millisecond, func() { drained.Add(1) }); close(stopped) }() // ends with the test
	defer func() { stop(); <-stopped }()

	time.Sleep(50 * time.Millisecond)
	if n := queue.probes.Load(); n != 0 {
		t.Errorf("a server without requests has asked %d times", n)
	}

	c := dial(t, address)
	c.send(post)
	<-entered
	eventually(t, "the server asks whether it is to go", func() bool { return queue.probes.Load() > 2 })
	if n := queue.requests.Load(); n != 0 || drained.Load() != 0 {
		t.Errorf("%d requests before anything is to go; %d drains", n, drained.Load())
	}

	queue.leaves.Store(true)
	eventually(t, "requests keep queue-proxy", func() bool { return queue.requests.Load() > 2 })
	if n := drained.Load(); n != 1 {
		t.Errorf("it drains %d times", n)
	}

	_ = c.Close()
	<-ended
	eventually(t, "no request runs", func() bool { return s.running.Load() == 0 })
	time.Sleep(20 * time.Millisecond) // for one that is on its way
	last := queue.requests.Load()
	time.Sleep(50 * time.Millisecond)
	if n := queue.requests.Load(); n != last {
		t.Errorf("%d requests without anything to wait for", n-last)
	}
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
