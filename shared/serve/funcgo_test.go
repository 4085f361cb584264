package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog" //nolint:depguard // its global level is what is tested

	"github.com/17882237881/MaaS/shared/env"
)

func TestUntilItHasStartedAFunctionIsNotReady(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, ok)
	if ready := h.get("/health/readiness"); ready.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readiness is %d", ready.StatusCode)
	}
	a := h.get("/things")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "1" || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer is %d %s with %v", a.StatusCode, a.body, a.Header)
	}

	h.start()

	for _, path := range []string{"/health/readiness", "/health/liveness", "/things"} {
		if a := h.get(path); a.StatusCode != http.StatusOK {
			t.Errorf("%s is %d: %s", path, a.StatusCode, a.body)
		}
	}
}

func TestAFunctionIsNotReadyWhileWhatItOpenedHoldsIt(t *testing.T) {
	t.Parallel()
	f := New(open)
	e := env.New("things", nil, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	release := e.Hold()
	mounted := make(chan error, 1)
	go func() { mounted <- f.Mount(context.Background(), e) }() // ends with the hold
	for f.host.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	status := func() int {
		w := httptest.NewRecorder()
		f.Handle(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		return w.Code
	}
	if ready, err := f.Ready(t.Context()); ready || err != nil || status() != http.StatusServiceUnavailable {
		t.Errorf("ready is %v, %v, and a request is answered %d", ready, err, status())
	}

	release()

	if err := <-mounted; err != nil {
		t.Fatal(err)
	}
	if ready, _ := f.Ready(t.Context()); !ready || status() != http.StatusOK {
		t.Errorf("ready is %v, and a request is answered %d", ready, status())
	}
}

func TestTheServersCutIsLiftedFromAnswers(t *testing.T) {
	t.Parallel()
	h := hostOn(t, tight, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(150 * time.Millisecond):
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	}).start()
	if a := h.get("/things"); a.body != "done" || a.cut != nil {
		t.Errorf("answer is %q, %v", a.body, a.cut)
	}
}

func TestTheServersCutIsLiftedFromBodies(t *testing.T) {
	t.Parallel()
	h := hostOn(t, tight, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }).start()
	slow, send := io.Pipe()
	go func() { // ends with the body
		_, _ = io.WriteString(send, "one ")
		time.Sleep(150 * time.Millisecond)
		_, _ = io.WriteString(send, "two")
		_ = send.Close()
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, slow)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); string(body) != "one two" {
		t.Errorf("answer is %q, %v", body, err)
	}
}

func TestADeadlineOfOneRequestIsNotTheNexts(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(30 * time.Millisecond))
			return
		}
		time.Sleep(60 * time.Millisecond)
		_, _ = io.WriteString(w, "done")
	}).start()
	h.get("/first")
	if a := h.get("/second"); a.body != "done" {
		t.Errorf("answer is %q, %v", a.body, a.cut)
	}
}

func TestBothVersionsOfHTTPAreServedInCleartext(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }).start()
	if a := h.get("/"); a.body != "HTTP/1.1" {
		t.Errorf("protocol is %q", a.body)
	}
	h.client.CloseIdleConnections()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	h.client = &http.Client{Transport: &http.Transport{Protocols: protocols}}
	if a := h.get("/"); a.body != "HTTP/2.0" {
		t.Errorf("protocol is %q", a.body)
	}
}

func TestOurMainHasNoCutButBoundsHeadersAndIdleConnections(t *testing.T) {
	t.Parallel()
	server := NewServer(New(nil))
	if server.ReadTimeout != 0 || server.WriteTimeout != 0 || server.ReadHeaderTimeout == 0 || server.IdleTimeout == 0 || server.MaxHeaderBytes == 0 {
		t.Errorf("read %s, write %s, header %s, idle %s, %d bytes", server.ReadTimeout, server.WriteTimeout, server.ReadHeaderTimeout, server.IdleTimeout, server.MaxHeaderBytes)
	}
}

func TestStopWaitsForRequestsAndThenClosesWhatWasOpened(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	var order []string
	f := New(func(_ context.Context, e *env.Env) (http.Handler, error) {
		_, err := env.Once(e, "x", func(context.Context) (int, func(context.Context) error, error) {
			return 1, func(context.Context) error { order = append(order, "closed"); return nil }, nil
		})
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(entered)
			<-leave
			order = append(order, "answered")
		}), err
	})
	if err := f.Start(t.Context(), map[string]string{"METRICS_ADDRESS": "off", "MAAS_LOG": "json"}); err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() { // ends with the request
		f.Handle(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		close(answered)
	}()
	<-entered

	stopped := make(chan error, 1)
	go func() { stopped <- f.Stop(context.Background()) }()
	<-f.draining
	if ready, _ := f.Ready(t.Context()); ready {
		t.Error("it is ready while it drains")
	}
	close(leave)
	<-answered

	if err := <-stopped; err != nil || strings.Join(order, " ") != "answered closed" {
		t.Errorf("Stop gives %v, in the order %v", err, order)
	}
	late := httptest.NewRecorder()
	f.Handle(late, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if late.Code != http.StatusServiceUnavailable {
		t.Errorf("after Stop the answer is %d", late.Code)
	}
}

func TestWithinAHostStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	h := hostOn(t, NewServer, func(http.ResponseWriter, *http.Request) { close(entered); <-leave }).start()
	answered := make(chan struct{})
	go func() {
		h.Handle(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		close(answered)
	}() // ends when the test leaves
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := h.Stop(ctx); err == nil {
		t.Error("Stop does not say that a request was in flight")
	}
	close(leave)
	<-answered
}

func TestAProcessOfItsOwnEndsLaterThanFuncGoWouldHaveIt(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	closing := make(chan error, 1)
	f := New(func(_ context.Context, e *env.Env) (http.Handler, error) {
		_, err := env.Once(e, "x", func(context.Context) (int, func(context.Context) error, error) {
			return 1, func(ctx context.Context) error { closing <- ctx.Err(); return nil }, nil
		})
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(entered); <-leave }), err
	})
	if err := f.Start(t.Context(), map[string]string{"METRICS_ADDRESS": "off"}); err != nil {
		t.Fatal(err)
	}
	go f.Handle(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)) // ends when the test leaves
	<-entered
	over, cancel := context.WithCancel(t.Context())
	cancel() // as after func-go's 30 s
	stopped := make(chan error, 1)
	go func() { stopped <- f.Stop(over) }()

	select {
	case err := <-stopped:
		t.Fatalf("Stop has not waited: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(leave)

	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := <-closing; err != nil {
		t.Errorf("what was opened has no time to close: %v", err)
	}
}

func TestAServersShutdownEndsEndlessStreams(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	h := hostOn(t, NewServer, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		ctx, end := UntilDraining(r.Context())
		defer end()
		<-ctx.Done()
		_, _ = io.WriteString(w, "bye")
	}).start()
	got := make(chan answer, 1)
	go func() { got <- h.get("/events") }()
	<-entered

	if err := h.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	if a := <-got; a.body != "bye" {
		t.Errorf("the stream ends with %q, %v", a.body, a.cut)
	}
}

func TestAFailedStartClosesWhatWasOpened(t *testing.T) {
	t.Parallel()
	closed := false
	f := New(func(_ context.Context, e *env.Env) (http.Handler, error) {
		_, err := env.Once(e, "x", func(context.Context) (int, func(context.Context) error, error) {
			return 1, func(context.Context) error { closed = true; return nil }, nil
		})
		return nil, errors.Join(err, errors.New("no database"))
	})
	err := f.Start(t.Context(), map[string]string{"METRICS_ADDRESS": "off"})
	if ready, _ := f.Ready(t.Context()); err == nil || !closed || ready {
		t.Errorf("Start gives %v; closed: %v; ready: %v", err, closed, ready)
	}
}

func TestStartSetsTheLogLevelOfFuncGoBack(t *testing.T) {
	t.Parallel()
	f := New(func(context.Context, *env.Env) (http.Handler, error) { return http.HandlerFunc(ok), nil })
	if err := f.Start(t.Context(), map[string]string{"METRICS_ADDRESS": "off"}); err != nil {
		t.Fatal(err)
	}
	if level := zerolog.GlobalLevel(); level != zerolog.WarnLevel {
		t.Errorf("zerolog's level is %s", level)
	}
	if err := f.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAFunctionIsCalledAsItsFolder(t *testing.T) {
	t.Parallel()
	if name := New(open).name(); name != "serve" {
		t.Errorf("its name is %q", name)
	}
}

func open(context.Context, *env.Env) (http.Handler, error) { return http.HandlerFunc(ok), nil }
