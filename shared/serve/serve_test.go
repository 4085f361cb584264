package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	fn "knative.dev/func-go/http"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

const (
	// childVar makes the test's own binary a function's process (TestMain), so that signals and exits can be seen.
	childVar = "SERVE_TEST_CHILD"
	// linger is how long such a process has run when it gets to Main.
	linger = "SERVE_TEST_LINGER"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		before, _ := time.ParseDuration(os.Getenv(linger))
		time.Sleep(before)
		Main("child", New(openChild))
		return
	}
	goleak.VerifyTestMain(m)
}

// logs is what a function logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns the lines with the message.
func (l *logs) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for text := range strings.Lines(l.text.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log has the line %q", text)
		}
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	return found
}

// hosted is a function on func-go's own server.
type hosted struct {
	*Function

	t      *testing.T
	url    string
	logs   *logs
	client *http.Client
	server *fn.Service
}

// hostOn serves the handler by func-go's server as set gives it, from a port of its own.
func hostOn(t *testing.T, set func(*Function) *fn.Service, handler http.HandlerFunc) *hosted {
	t.Helper()
	f := New(func(context.Context, *env.Env) (http.Handler, error) { return handler, nil })
	h := &hosted{Function: f, t: t, logs: &logs{}, client: &http.Client{Transport: &http.Transport{}}, server: set(f)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + listener.Addr().String()
	done := make(chan struct{})
	go func() { _ = h.server.Serve(listener); close(done) }() // ends by the cleanup
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		_ = h.server.Close()
		<-done
	})
	return h
}

// start starts the function, with its log kept.
func (h *hosted) start() *hosted {
	h.t.Helper()
	log, err := telemetry.NewLogger(h.logs, map[string]string{"MAAS_LOG_LEVEL": "debug"})
	if err != nil {
		h.t.Fatal(err)
	}
	e := env.New("things", nil, log)
	h.t.Cleanup(func() { _ = e.Close(context.Background()) })
	if err := h.Mount(h.t.Context(), e); err != nil {
		h.t.Fatal(err)
	}
	return h
}

// answer is an answer that was read, as far as it came.
type answer struct {
	*http.Response

	body string
	cut  error
}

func (h *hosted) get(path string, headers ...string) answer {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+path, http.NoBody)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response, string(body), err}
}

// tight is func-go's server with its cut at 50 ms rather than 30 s.
func tight(f *Function) *fn.Service {
	server := fn.New(f)
	server.ReadTimeout, server.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	return server
}

func ok(http.ResponseWriter, *http.Request) {}
