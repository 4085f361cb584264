package httpserver

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAProxyPassesEveryAnswerOnWhole has a server answer as soon as it has read the request, while the proxy may not have seen the request's end.
func TestAProxyPassesEveryAnswerOnWhole(t *testing.T) {
	t.Parallel()
	_, behind := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: behind})
	proxy.Transport, proxy.FlushInterval = transport, -1
	_, front := serve(t, proxy.ServeHTTP)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)

	const calls = 300
	content := make([]byte, 300<<10)
	for i := range calls {
		sent := content[:1+rand.IntN(len(content))]
		answer, err := client.Post("http://"+front, "application/octet-stream", bytes.NewReader(sent))
		if err != nil {
			t.Fatalf("call %d of %d bytes: %v", i, len(sent), err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || len(got) != len(sent) {
			t.Fatalf("call %d: %d of %d bytes, %v", i, len(got), len(sent), err)
		}
	}
}

func TestAnAnswerDoesNotWaitForTheRequestsBody(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]int{"before": 0, "within": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadFull(r.Body, make([]byte, read))
				http.Error(w, "no", http.StatusConflict)
			})
			c := dial(t, address)
			c.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
			if status, body := c.answer(); status != http.StatusConflict || body != "no\n" {
				t.Errorf("%d, %q", status, body)
			}
		})
	}
}

func TestAClientThatSendsAllBeforeItReadsGetsItsAnswer(t *testing.T) {
	t.Parallel()
	_, address := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	const size = 24 << 20 // more than the sockets hold
	c := dial(t, address)
	for range 2 { // and the connection serves the next request
		c.send(fmt.Sprintf("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size))
		c.send(strings.Repeat("x", size))
		if status, _ := c.answer(); status != http.StatusUnauthorized {
			t.Errorf("%d", status)
		}
	}
}

func TestABodyThatIsNotAskedForIsNotAwaited(t *testing.T) {
	t.Parallel()
	_, address := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	c := dial(t, address)
	c.send("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
	if status, _ := c.answer(); status != http.StatusForbidden {
		t.Errorf("%d", status)
	}
	if n, err := c.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // a Reader's end is the very value
		t.Errorf("after the answer come %d bytes and %v, want the connection's end", n, err)
	}
}

// TestWhatIsLeftOfABodyIsNoRequest sends what looks like one as the end of a body, later than the server waits for it.
func TestWhatIsLeftOfABodyIsNoRequest(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	_, address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		http.Error(w, "no", http.StatusConflict)
	})
	c := dial(t, address)
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	c.send(fmt.Sprintf("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(hidden)))
	if status, _ := c.answer(); status != http.StatusConflict {
		t.Errorf("%d", status)
	}
	time.Sleep(lingerTime + 200*time.Millisecond)
	_, _ = io.WriteString(c.TCPConn, hidden) // the connection may be closed already
	_, _ = io.ReadAll(c.TCPConn)
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests were served", n)
	}
}

func TestAWriterWithoutAConnectionServesToo(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	Duplex(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
	if w.Body.String() != "x" {
		t.Errorf("%q", w.Body)
	}
}
