//go:build !cluster

package field

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestAStopLetsCallsAndUploadsEnd stops a host while a call runs and a chunk arrives, each for longer than its stop takes otherwise. A second signal
// ends the next one at once.
func TestAStopLetsCallsAndUploadsEnd(t *testing.T) {
	t.Parallel()
	h := e2etest.Up(t, "MAAS_DRAIN_TIMEOUT=3m") // the machine may have much else to do
	b := busy(t, h, 10_000)
	h.Signal(t, syscall.SIGTERM)
	b.finish()
	for what, answer := range map[string]<-chan reply{"call": b.called, "chunk": b.sent} {
		if a := <-answer; a.status != http.StatusOK {
			t.Errorf("the %s is answered %s", what, a)
		}
	}
	select {
	case <-h.Ended():
	case <-time.After(time.Minute):
		t.Fatal("the host goes on")
	}

	h.Restart(t)
	b = busy(t, h, slowSteps)
	h.Signal(t, syscall.SIGTERM)
	time.Sleep(500 * time.Millisecond)
	h.Signal(t, syscall.SIGTERM)
	select {
	case <-h.Ended():
	case <-time.After(soon):
		t.Error("the host goes on after a second signal")
	}
	if a := <-b.called; a.status == http.StatusOK {
		t.Errorf("the call is answered %s", a)
	}
}

// TestAStopTellsWhoIsLeftToComeAgain stops a host that waits for a second while a call runs, and a chunk arrives, for much longer.
func TestAStopTellsWhoIsLeftToComeAgain(t *testing.T) {
	t.Parallel()
	h := e2etest.Up(t, "MAAS_DRAIN_TIMEOUT=1s")
	b := busy(t, h, slowSteps)
	began := time.Now()
	h.Signal(t, syscall.SIGTERM)
	for what, answer := range map[string]<-chan reply{"call": b.called, "chunk": b.sent} {
		if a := <-answer; a.status != http.StatusServiceUnavailable || a.again == "" {
			t.Errorf("the %s is answered %s", what, a)
		}
	}
	t.Logf("answered after %s", time.Since(began).Round(time.Millisecond))
}

// work is a call of slow.onnx and a chunk, both under way.
type work struct {
	called, sent <-chan reply
	finish       func() // sends the rest of the chunk
}

// reply is as much of an answer as the tests look at, or why there is none.
type reply struct {
	status      int
	again, text string
}

// String is for messages.
func (r reply) String() string {
	return fmt.Sprintf("%d %q (Retry-After: %s)", r.status, r.text, r.again)
}

// busy gives a host work.
func busy(t *testing.T, h *e2etest.Host, steps int) work {
	t.Helper()
	u := e2etest.Register(t, h.URL)
	path, s := u.Publish("slow", "slow.onnx"), u.Site()
	file := e2etest.Content(t, "digits.onnx")
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	chunk := s.BeginUpload(u.Of("digits"), "1.0.0", len(file)) + "/chunks/0"

	body, rest := io.Pipe()
	t.Cleanup(func() { _ = rest.Close() })
	b := work{
		called: ask(t, s, http.MethodPost, path, strings.NewReader(string(e2etest.SlowRequest(steps))), map[string]string{
			"Content-Type": "application/json", "X-Request-Timeout": "120000",
		}, -1),
		sent: ask(t, s, http.MethodPut, chunk, body, map[string]string{"X-Chunk-SHA256": e2etest.Digest(file)}, int64(len(file))),
		finish: func() {
			time.Sleep(6 * time.Second)
			_, _ = rest.Write(file[100:])
			_ = rest.Close()
		},
	}
	_, err := rest.Write(file[:100]) // it was taken when this returns
	e2etest.Must(t, err)
	time.Sleep(500 * time.Millisecond) // both are where they take their time
	return b
}

func ask(t *testing.T, s e2etest.Site, method, path string, body io.Reader, header map[string]string, length int64) <-chan reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	e2etest.Must(t, err)
	if length >= 0 {
		request.ContentLength = length
	}
	request.Header.Set("Authorization", "Bearer "+s.Token)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answered := make(chan reply, 1)
	go func() { // it has a deadline
		answer, err := s.Client.Do(request)
		if err != nil {
			answered <- reply{text: err.Error()}
			return
		}
		defer func() { _ = answer.Body.Close() }()
		text, _ := io.ReadAll(answer.Body)
		answered <- reply{answer.StatusCode, answer.Header.Get("Retry-After"), string(text[:min(len(text), 500)])}
	}()
	return answered
}
