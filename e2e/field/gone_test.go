package field

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	// slowSteps keep a run of slow.onnx busy for a minute and more.
	slowSteps = 100_000
	// soon is a deadline for what takes half a second, on a machine that has much to do.
	soon = 15 * time.Second
)

// TestAClientThatGoesEndsItsRun begins more runs than the model has slots, goes, and expects the model to be free. What stands before the gateway of a
// cluster (Traefik, queue-proxy) is a net/http server itself, and does not notice a client that goes after it has sent more than its request.
func TestAClientThatGoesEndsItsRun(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	path, s := u.Publish("slow", "slow.onnx"), u.Site()
	e2etest.Must(t, brief(t.Context(), s, path, u.Patience)) // the model runs now
	more := map[string]string{"nothing": "", "a line break": "\r\n", "another request": "GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n"}
	leave := map[string]func(*net.TCPConn) error{
		"closes":      (*net.TCPConn).Close,
		"resets":      func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() },
		"half closes": (*net.TCPConn).CloseWrite,
	}
	if the.Stays {
		more = map[string]string{"nothing": ""}
		delete(leave, "half closes")
		t.Log("only clients that close or reset after their request: proxies stand before the gateway")
	}
	for sent, text := range more {
		for how, went := range leave {
			began := begin(t, s, path, text)
			left := time.Now()
			for _, c := range began {
				e2etest.Must(t, went(c))
			}
			if err := brief(t.Context(), s, path, soon); err != nil {
				t.Errorf("after the clients sent %s more, one that %s does not end its run: %v", sent, how, err)
			}
			t.Logf("%s more, %s: the model is free after %s", sent, how, time.Since(left).Round(time.Millisecond))
		}
	}
}

// begin calls the model from several connections, for longer than the test takes, and gives them when the runs have begun.
func begin(t *testing.T, s e2etest.Site, path, more string) (all []*net.TCPConn) {
	t.Helper()
	address, err := url.Parse(s.URL)
	e2etest.Must(t, err)
	body := e2etest.SlowRequest(slowSteps)
	head := strings.Join([]string{
		"POST " + path + " HTTP/1.1", "Host: " + address.Host, "Authorization: Bearer " + s.Token, "Content-Type: application/json",
		fmt.Sprintf("Content-Length: %d", len(body)), "X-Request-Timeout: 300000",
		"Cache-Control: no-store", "", "", // each has a run of its own
	}, "\r\n")
	const slots = 6
	for range slots {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address.Host)
		e2etest.Must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, head+string(body))
		e2etest.Must(t, err)
		tcp, _ := c.(*net.TCPConn)
		all = append(all, tcp)
	}
	time.Sleep(time.Second) // each is at the model by then; one that is not yet is ended all the same
	for _, c := range all { // net/http reads on after the request, as far as the first byte that comes
		_, err := io.WriteString(c, more)
		e2etest.Must(t, err)
	}
	time.Sleep(100 * time.Millisecond)
	for _, c := range all {
		e2etest.Must(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
		answer := make([]byte, 1000)
		if n, err := c.Read(answer); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a run has ended: %s, %v", answer[:n], err)
		}
	}
	return all
}

// brief has the model run a step.
func brief(ctx context.Context, s e2etest.Site, path string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := s.Call(ctx, path, strings.NewReader(string(e2etest.SlowRequest(1))), 0)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s, %w", answer.Status, text, err)
	}
	return nil
}
