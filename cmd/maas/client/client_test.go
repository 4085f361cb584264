package client

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

// answering gives a client of a handler; its requests carry a token.
func answering(t *testing.T, patience time.Duration, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c := New(Options{Server: server.URL, Token: "t", Patience: patience})
	t.Cleanup(c.Close)
	return c
}

var get = Request{Method: http.MethodGet, Path: "/"}

func TestAProblemIsTheServersFault(t *testing.T) {
	t.Parallel()
	c := answering(t, 0, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"type":"https://maas.dev/problems/conflict","detail":"Taken.","errors":[{"field":"tenant","detail":"is taken"}]}`)
	})
	err := c.Do(t.Context(), get, nil)
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
		faulttest.AssertKind(t, c.Do(t.Context(), get, nil), kind)
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
	if err := c.Do(t.Context(), get, nil); err != nil || calls.Load() != 3 || told.Load() != 2 {
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
	faulttest.AssertKind(t, c.Do(t.Context(), Request{Method: http.MethodPost, Path: "/"}, nil), fault.Unavailable)
	if calls.Load() != 1 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	c := answering(t, 300*time.Millisecond, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	began := time.Now()
	faulttest.AssertKind(t, c.Do(t.Context(), get, nil), fault.Unavailable)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestTheCallersEndEndsTheTries(t *testing.T) {
	t.Parallel()
	c := answering(t, time.Hour, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Do(ctx, get, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	c := answering(t, 0, func(http.ResponseWriter, *http.Request) { <-gone })
	defer close(gone)
	r := get
	r.Silence = 50 * time.Millisecond
	faulttest.AssertKind(t, c.Do(t.Context(), r, nil), fault.Unavailable)
}

func TestASlowBodyIsNoSilence(t *testing.T) {
	t.Parallel()
	c := answering(t, 0, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	r := Request{
		Method: http.MethodPut, Path: "/", Length: 10, Silence: 400 * time.Millisecond,
		Body: func() io.Reader { return &slow{strings.NewReader("0123456789")} },
	}
	if err := c.Do(t.Context(), r, nil); err != nil {
		t.Error(err)
	}
}

// slow gives a byte each 60 ms.
type slow struct{ io.Reader }

func (s *slow) Read(p []byte) (int, error) {
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
	if err := c.Do(t.Context(), get, &out); err != nil || out["a"] != 1 {
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
	c := New(Options{Server: "http://" + address, Token: "t"})
	err = c.Do(t.Context(), get, nil)
	faulttest.AssertKind(t, err, fault.Unavailable)
	if !strings.Contains(fault.From(err).Message, "maas up") {
		t.Error(err)
	}
}

func TestAnotherKindOfServerIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	c := answering(t, 0, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	var out map[string]any
	faulttest.AssertKind(t, c.Do(t.Context(), get, &out), fault.Upstream)
}

func TestAQueryLeavesOutWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"": Query("a", ""), "?a=1&b=x+y": Query("a", "1", "b", "x y", "c", ""), "?s=1&s=2": Query("s", "1", "s", "2"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
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
	if err := c.Do(t.Context(), get, &seen); err != nil || seen != "" {
		t.Errorf("%q, %v", seen, err)
	}
}
