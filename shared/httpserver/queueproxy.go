package httpserver

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// queueProxy is where queue-proxy listens for cleartext HTTP/2 in a pod of Knative (knative.dev/networking, pkg/networking, BackendHTTP2Port). For
	// ports that are not named h2c it listens elsewhere, and waits for its requests by itself.
	queueProxy = "http://127.0.0.1:8013"
	// queueProxyPeriod is a third of the time after which queue-proxy stops (knative.dev/serving, pkg/queue/sharedmain, drainSleepDuration).
	queueProxyPeriod = 10 * time.Second
)

// KeepQueueProxy keeps queue-proxy, which stands before the server in a pod of Knative, from stopping while requests are running, until ctx ends. It
// calls drain once, as soon as it sees that the pod is to go; the server's own SIGTERM comes only after queue-proxy has stopped.
//
// Queue-proxy stops 30 seconds after the last request has come in. It then waits for requests that came over HTTP/1, but not for those that came over
// cleartext HTTP/2, since net/http's Shutdown does not wait for connections that were hijacked (knative/serving, pull request 16080). Each new request
// puts the stop off, so the server sends one every 10 seconds for as long as it has requests of others.
func (s *Server) KeepQueueProxy(ctx context.Context, drain func()) {
	s.keep(ctx, queueProxy, queueProxyPeriod, drain)
}

// keep does the work of KeepQueueProxy. address is queue-proxy's; it looks once in each period.
func (s *Server) keep(ctx context.Context, address string, period time.Duration, drain func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	client := &http.Client{Timeout: period / 2}
	defer client.CloseIdleConnections()
	for draining := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if s.running.Load() == 0 {
			continue
		}
		if !draining && goes(ctx, client, address) {
			draining = true
			drain()
		}
		if draining {
			_, _ = get(ctx, client, address, "maas")
		}
	}
}

// goes reports whether queue-proxy says that the pod is to stop. It asks as the kubelet does, which does not count as a request.
func goes(ctx context.Context, client *http.Client, address string) bool {
	status, text := get(ctx, client, address, "kube-probe/maas")
	// The text tells it from a server that is not ready (knative.dev/pkg, network/handlers, Drainer).
	return status == http.StatusServiceUnavailable && strings.TrimSpace(text) == "shutting down"
}

// get sends GET /health/liveness with the User-Agent agent, and returns the answer's status and the first 100 bytes of its text. The status is
// 0 if there is no answer.
func get(ctx context.Context, client *http.Client, address, agent string) (status int, text string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/health/liveness", http.NoBody)
	if err != nil {
		return 0, ""
	}
	r.Header.Set("User-Agent", agent)
	answer, err := client.Do(r)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = answer.Body.Close() }()
	begin, _ := io.ReadAll(io.LimitReader(answer.Body, 100)) // what is cut is not the text that matters
	return answer.StatusCode, string(begin)
}
