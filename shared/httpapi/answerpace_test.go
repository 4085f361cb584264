package httpapi

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

// answering writes an answer of so many bytes in one Write to a client that reads by read, and returns the error with which that ended.
func answering(t *testing.T, p answerPace, http2 bool, size int, read func(io.Reader)) error {
	t.Helper()
	failed, slow := make(chan error, 1), &slowCounter{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := p.limit(w, r, slow).Write(make([]byte, size))
		slow.counts(t, err)
		failed <- err
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(!http2)
	server.Config.Protocols.SetUnencryptedHTTP2(http2)
	server.Start()
	t.Cleanup(server.Close)
	transport := &http.Transport{Protocols: server.Config.Protocols, DialContext: (&net.Dialer{}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	read(answer.Body)
	return <-failed
}

// tooLong is more than the buffers of both kernels and of HTTP/2 take.
const tooLong = 32 << 20

func TestAnAnswerThatNobodyReadsTimesOut(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		err := answering(t, answerPace{Rate: 1, Window: 300 * time.Millisecond}, http2, tooLong, func(io.Reader) {})
		if faulttest.AssertKind(t, err, fault.Timeout); err == nil {
			t.Errorf("HTTP/2 %v", http2)
		}
	}
}

func TestAnAnswerThatIsReadTooSlowlyTimesOut(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		err := answering(t, answerPace{Rate: 1 << 30, Window: 500 * time.Millisecond}, http2, tooLong, func(from io.Reader) {
			piece := make([]byte, 64<<10)
			for {
				if _, err := io.ReadFull(from, piece); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		faulttest.AssertKind(t, err, fault.Timeout)
	}
}

func TestAnAnswerAboveTheLeastRateIsWrittenHoweverLongItTakes(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		err := answering(t, answerPace{Rate: 1, Window: time.Second}, http2, tooLong, func(from io.Reader) {
			piece := make([]byte, 2<<20)
			for {
				time.Sleep(150 * time.Millisecond) // more than two windows in all
				if _, err := io.ReadFull(from, piece); err != nil {
					return
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestASlowSourceIsNotTheReadersDoing has pauses longer than the window between two writes.
func TestASlowSourceIsNotTheReadersDoing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := answerPace{Rate: 1 << 30, Window: 100 * time.Millisecond}.limit(w, r, &slowCounter{})
		defer to.leave()
		for range 3 {
			if _, err := to.Write([]byte("x")); err != nil || to.FlushError() != nil {
				t.Error(err)
			}
			time.Sleep(300 * time.Millisecond)
		}
	}))
	t.Cleanup(server.Close)
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || string(text) != "xxx" {
		t.Errorf("the answer is %q: %v", text, err)
	}
}

// TestTheDeadlineOfAnAnswerEndsWithIt has the next request on the connection come after the deadline of the one before.
func TestTheDeadlineOfAnAnswerEndsWithIt(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/paced" {
			to := answerPace{Rate: 1, Window: 50 * time.Millisecond}.limit(w, r, &slowCounter{})
			defer to.leave()
			w = to
		}
		_, _ = io.WriteString(w, "x")
	}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, path := range []string{"/paced", "/other"} {
		_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || !bytes.Equal(text, []byte("x")) {
			t.Errorf("%s: the answer is %q: %v", path, text, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
