package maas

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

// answering returns a client of a handler; its requests carry a token.
func answering(t *testing.T, patience time.Duration, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := New(server.URL, WithToken("t"), WithRetry(patience, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const get = "GET /"

func TestAProblemIsTheServersFault(t *testing.T) {
	t.Parallel()
	c := answering(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"type":"https://maas.dev/problems/conflict","detail":"Taken.","errors":[{"field":"tenant","detail":"is taken"}]}`)
	})
	err := c.do(t.Context(), get, nil, nil)
	faulttest.AssertKind(t, err, fault.Conflict)
	got := fault.From(err)
	if got.Message != "Taken." || len(got.Fields) != 1 || got.Fields[0].Field != "tenant" || got.RetryAfter != 7*time.Second {
		t.Errorf("%+v", got)
	}
}

func TestAnAnswerThatIsNoProblemIsNamedByItsStatus(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]fault.Kind{502: fault.Upstream, 503: fault.Unavailable, 404: fault.NotFound, 418: fault.Invalid, 500: fault.Internal} {
		c := answering(t, 0, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", status) })
		faulttest.AssertKind(t, c.do(t.Context(), get, nil, nil), kind)
	}
}

func TestWhatMayBeRepeatedIsTriedUntilTheServerIsBack(t *testing.T) {
	t.Parallel()
	var calls, told atomic.Int32
	c := answering(t, 10*time.Second, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	c.retrying = func(error) { told.Add(1) }
	if err := c.do(t.Context(), get, nil, nil); err != nil || calls.Load() != 3 || told.Load() != 2 {
		t.Error(err, calls.Load(), told.Load())
	}
}

func TestWhatMayNotBeRepeatedIsTriedOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := answering(t, 10*time.Second, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	faulttest.AssertKind(t, c.do(t.Context(), "POST /", nil, nil), fault.Unavailable)
	if calls.Load() != 1 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	c := answering(t, 300*time.Millisecond, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	began := time.Now()
	faulttest.AssertKind(t, c.do(t.Context(), get, nil, nil), fault.Unavailable)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestTheCallersEndEndsTheTries(t *testing.T) {
	t.Parallel()
	c := answering(t, time.Hour, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.do(ctx, get, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	c := answering(t, 0, func(http.ResponseWriter, *http.Request) { <-gone })
	defer close(gone)
	short := func(r *request) { r.silence = 50 * time.Millisecond }
	faulttest.AssertKind(t, c.do(t.Context(), get, nil, nil, short), fault.Unavailable)
}

func TestASlowBodyIsNoSilence(t *testing.T) {
	t.Parallel()
	c := answering(t, 0, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	drip := func(r *request) {
		r.length, r.silence = 10, 400*time.Millisecond
		r.content = func() io.Reader { return &slowly{strings.NewReader("0123456789")} }
	}
	if err := c.do(t.Context(), "PUT /", nil, nil, drip); err != nil {
		t.Error(err)
	}
}

// slow gives a byte each 60 ms.
type slowly struct{ io.Reader }

func (s *slowly) Read(p []byte) (int, error) {
	<-time.After(60 * time.Millisecond)
	return s.Reader.Read(p[:1])
}

func TestAnAnswerThatBreaksOffIsTriedAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := answering(t, 10*time.Second, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"a":`)
			return
		}
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	var out map[string]int
	if err := c.do(t.Context(), get, nil, &out); err != nil || out["a"] != 1 {
		t.Error(err, out)
	}
}

func TestNobodyListening(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	c, err := New("http://"+address, WithToken("t"))
	if err != nil {
		t.Fatal(err)
	}
	err = c.do(t.Context(), get, nil, nil)
	faulttest.AssertKind(t, err, fault.Unavailable)
	if !strings.Contains(fault.From(err).Message, "maas up") {
		t.Error(err)
	}
}

func TestAnotherKindOfServerIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	c := answering(t, 0, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	var out map[string]any
	faulttest.AssertKind(t, c.do(t.Context(), get, nil, &out), fault.Upstream)
}

func TestTheCredentialStaysWithItsServer(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `"`+r.Header.Get("Authorization")+`"`)
	}))
	t.Cleanup(other.Close)
	c := answering(t, 0, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	var seen string
	if err := c.do(t.Context(), get, nil, &seen); err != nil || seen != "" {
		t.Errorf("%q, %v", seen, err)
	}
}
