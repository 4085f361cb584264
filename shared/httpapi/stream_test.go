package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/auth"
)

// newStream serves PUT /bytes by the handler on a real connection.
func newStream(t *testing.T, handler func(http.ResponseWriter, *http.Request, auth.Principal) error) (*testAPI, *httptest.Server) {
	t.Helper()
	a := newAPI(t)
	Stream(a.Mux, "PUT /bytes", handler)
	server := httptest.NewServer(a.Mux)
	t.Cleanup(server.Close)
	return a, server
}

func (a *testAPI) put(server *httptest.Server, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPut, server.URL+"/bytes", body)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	return server.Client().Do(r)
}

func TestAStreamReadsAndWritesItself(t *testing.T) {
	t.Parallel()
	a, server := newStream(t, func(w http.ResponseWriter, r *http.Request, _ auth.Principal) error {
		_, err := io.Copy(w, r.Body)
		return err
	})
	answer, err := a.put(server, strings.NewReader(strings.Repeat("x", 5<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || len(body) != 5<<20 || answer.StatusCode != http.StatusOK {
		t.Errorf("status %d, %d bytes, %v", answer.StatusCode, len(body), err)
	}
}

func TestAStreamThatFailsBeforeItsAnswerIsAProblem(t *testing.T) {
	t.Parallel()
	a, server := newStream(t, func(http.ResponseWriter, *http.Request, auth.Principal) error {
		return fault.New(fault.Conflict, "other bytes")
	})
	answer, err := a.put(server, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusConflict {
		t.Errorf("status %d", answer.StatusCode)
	}
}

func TestAStreamThatFailsWithinItsAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	a, server := newStream(t, func(w http.ResponseWriter, _ *http.Request, _ auth.Principal) error {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		return errors.New("the store is gone")
	})
	answer, err := a.put(server, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the answer %q looks whole", body)
	}
}

func TestABodyThatEndsEarlyIsTheClientsGoing(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	a, server := newStream(t, func(_ http.ResponseWriter, r *http.Request, _ auth.Principal) error {
		_, err := io.Copy(io.Discard, r.Body)
		failed <- err
		return err
	})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "PUT /bytes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+a.token+"\r\nContent-Length: 100\r\n\r\nhalf")
	_ = conn.Close()

	faulttest.AssertKind(t, <-failed, fault.Canceled)
}

// slowly sends a body of 100,000 bytes by send, and returns the error with which its reading ended.
func slowly(t *testing.T, p pace, send func(net.Conn)) error {
	t.Helper()
	failed, slow := make(chan error, 1), &slowCounter{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, p.limit(r.Body, http.NewResponseController(w), slow))
		slow.counts(t, err)
		failed <- err
	}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf")
	send(conn)
	return <-failed
}

func TestAPausedBodyTimesOut(t *testing.T) {
	t.Parallel()
	for _, rate := range []int64{0, 1000} {
		err := slowly(t, pace{Rate: rate, Window: 50 * time.Millisecond}, func(net.Conn) {})
		faulttest.AssertKind(t, err, fault.Timeout)
	}
}

func TestABodyThatComesByteByByteTimesOut(t *testing.T) {
	t.Parallel()
	err := slowly(t, pace{Rate: 1000, Window: 200 * time.Millisecond}, func(conn net.Conn) {
		for range 100_000 {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	faulttest.AssertKind(t, err, fault.Timeout)
	if !strings.Contains(err.Error(), "1000 a second are the least (MAAS_BODY_MIN_RATE)") {
		t.Errorf("the error is %v", err)
	}
}

func TestABodyAboveTheLeastRateIsReadHoweverLongItTakes(t *testing.T) {
	t.Parallel()
	const window, parts = 2 * time.Second, 20
	err := slowly(t, pace{Rate: 1, Window: window}, func(conn net.Conn) {
		part := make([]byte, 5_000)
		for n := range parts { // two windows and more
			if _, err := conn.Write(part[:len(part)-len("half")*(n/(parts-1))]); err != nil {
				return
			}
			time.Sleep(window / 8)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// TestASlowReaderIsNotTheClientsDoing has a body that is there, and is read slowly.
func TestASlowReaderIsNotTheClientsDoing(t *testing.T) {
	t.Parallel()
	body := pace{Rate: 1 << 40, Window: time.Second}.limit(io.NopCloser(strings.NewReader("body")), http.NewResponseController(httptest.NewRecorder()), &slowCounter{})
	for range 4 {
		time.Sleep(300 * time.Millisecond)
		if _, err := io.ReadFull(body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALeastRateThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []pace{{Rate: -1, Window: time.Minute}, {Rate: 1, Window: time.Millisecond}} {
		if p.check() == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}
