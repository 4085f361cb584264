package localbroker

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/shared/cloudevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	completed = `{"specversion":"1.0","id":"1","source":"/maas/complete","type":"maas.upload.completed.v1","data":{}}`
	patience5 = 5 * time.Second
)

// consumer is a function that answers with the statuses in turn, the last one for ever.
type consumer struct {
	statuses []int
	calls    atomic.Int32
}

func (c *consumer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := int(c.calls.Add(1))
	w.WriteHeader(c.statuses[min(n, len(c.statuses))-1])
}

// letters counts what was buried.
type letters struct {
	mu  sync.Mutex
	all []string
}

func (l *letters) bury(_ context.Context, _ cloudevent.Consumer, encoded []byte, _ error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(encoded))
	return nil
}

func (l *letters) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

func start(t *testing.T, c *consumer) (*Broker, *letters) {
	t.Helper()
	server := httptest.NewServer(c)
	kept := &letters{}
	b := New(Options{
		Consumers: cloudevent.Consumers(), Address: func(cloudevent.Consumer) string { return server.URL }, Bury: kept.bury,
		Log: slog.New(slog.DiscardHandler),
	})
	b.first = time.Millisecond
	t.Cleanup(func() {
		b.Close(t.Context())
		for _, p := range b.posters {
			p.CloseIdle()
		}
		server.Close()
	})
	return b, kept
}

func post(b *Broker, body string) int {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/cloudevents+json")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Code
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience5); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestAnEventIsTriedUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	c := &consumer{statuses: []int{500, 404, 408, 409, 429, 503, 202}}
	b, kept := start(t, c)
	if status := post(b, completed); status != http.StatusAccepted {
		t.Fatalf("answered %d", status)
	}
	eventually(t, "the seventh call", func() bool { return c.calls.Load() == 7 })
	if kept.count() != 0 {
		t.Error("a delivered event was buried")
	}
}

func TestAFinalRefusalIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	c := &consumer{statuses: []int{422}}
	b, kept := start(t, c)
	post(b, completed)
	eventually(t, "the first call", func() bool { return c.calls.Load() == 1 })
	time.Sleep(20 * time.Millisecond)
	if c.calls.Load() != 1 || kept.count() != 0 {
		t.Errorf("%d calls, %d letters; want 1 and 0, since the receiver keeps poison itself", c.calls.Load(), kept.count())
	}
}

func TestTenFailuresMakeADeadLetter(t *testing.T) {
	t.Parallel()
	c := &consumer{statuses: []int{500}}
	b, kept := start(t, c)
	post(b, completed)
	eventually(t, "the letter", func() bool { return kept.count() == 1 })
	if c.calls.Load() != tries {
		t.Errorf("%d tries, want %d", c.calls.Load(), tries)
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	t.Parallel()
	b, _ := start(t, &consumer{statuses: []int{202}})
	for _, body := range []string{"", "{}", "hello", `{"specversion":"1.0"}`} {
		if status := post(b, body); status != http.StatusUnprocessableEntity {
			t.Errorf("%q is answered %d, want 422", body, status)
		}
	}
}

func TestAFullBrokerAnswers503(t *testing.T) {
	t.Parallel()
	c := &consumer{statuses: []int{500}}
	b, _ := start(t, c)
	b.first = time.Hour
	for range slots {
		if status := post(b, completed); status != http.StatusAccepted {
			t.Fatalf("answered %d while there was a free slot", status)
		}
	}
	if status := post(b, completed); status != http.StatusServiceUnavailable {
		t.Errorf("answered %d without a free slot, want 503", status)
	}
}

func TestAClosedBrokerAnswers503(t *testing.T) {
	t.Parallel()
	c := &consumer{statuses: []int{202}}
	b, _ := start(t, c)
	b.Close(t.Context())
	if status := post(b, completed); status != http.StatusServiceUnavailable || c.calls.Load() != 0 {
		t.Errorf("answered %d after the close, delivered %d times; want 503 and nothing delivered", status, c.calls.Load())
	}
}
