//go:build !cluster && linux

package hostile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	// files is the limit of a host that has few, and idleConnections are more than it could hold.
	files           = 1500
	idleConnections = 1600
	attacker        = "127.0.0.2"
)

// TestConnectionsLockNobodyOut attacks a host that may open few files.
func TestConnectionsLockNobodyOut(t *testing.T) {
	h := e2etest.NewHost(e2etest.Folder(t))
	h.Files = files
	e2etest.Must(t, h.Start())
	t.Cleanup(h.Stop)
	u := e2etest.Register(t, h.URL)
	t.Run("idle", func(t *testing.T) { idleOnes(t, h, u.Site()) })
	t.Run("in use", func(t *testing.T) { usedOnes(t, h, u.Site()) })
}

// idleOnes opens more connections than the host can have, of three sorts, and opens again what the host closes.
func idleOnes(t *testing.T, h *e2etest.Host, site e2etest.Site) {
	t.Helper()
	innocent := coming(site, "")
	neighbour := coming(site, attacker) // behind the address of the attacker: a connection may be closed before its request arrives
	call := func(ctx context.Context) error {
		err := neighbour(ctx)
		for try := 1; err != nil && try < 4; try++ {
			err = neighbour(ctx)
		}
		return errors.Join(err, innocent(ctx))
	}
	withinMemory(t, h, 128<<20, func() {
		unharmed(t, call, func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
			defer cancel()
			var all sync.WaitGroup
			for i := range idleConnections {
				all.Go(func() { stayIdle(ctx, h.URL, i) })
				time.Sleep(time.Millisecond)
			}
			all.Wait()
		})
	})
}

// stayIdle keeps a connection: silent, after an answer, or of HTTP/2 without streams.
func stayIdle(ctx context.Context, server string, sort int) {
	stay(ctx, server, []string{
		"", "GET /health/liveness HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
	}[sort%3], 2*time.Second)
}

// stay keeps a connection on which it has said hello. Closed by the host, it opens one more after the pause.
func stay(ctx context.Context, server, hello string, pause time.Duration) {
	for ctx.Err() == nil {
		c, err := dialFrom(ctx, attacker, server)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			_, _ = io.WriteString(c, hello)
			_, _ = io.Copy(io.Discard, c)
			stop()
			_ = c.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// usedOnes has an address use all the connections that it may have: there is room for others, and for health checks.
func usedOnes(t *testing.T, h *e2etest.Host, site e2etest.Site) {
	t.Helper()
	unharmed(t, coming(site, ""), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range files / 8 {
			all.Go(func() { wait(ctx, h.URL) })
		}
		eventually(ctx, t, "an answer of 429 that names the limit", func() (bool, string) {
			status, text := ask(ctx, h.URL, "/v1/models")
			return status == http.StatusTooManyRequests && strings.Contains(text, "connections open, which is the limit for one address"), fmt.Sprintf("%d: %s", status, text)
		})
		if status, text := ask(ctx, h.URL, "/health/readiness"); status != http.StatusOK {
			t.Errorf("health is answered with %d: %s", status, text)
		}
		cancel()
		all.Wait()
	})
}

// wait has a request under way whose body does not come.
func wait(ctx context.Context, server string) {
	stay(ctx, server, "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", time.Second/2)
}

// ask sends a request from the attacker's address on a connection of its own. The status is 0 if there is no answer.
func ask(ctx context.Context, server, path string) (status int, text string) {
	c, err := dialFrom(ctx, attacker, server)
	if err != nil {
		return 0, err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

// coming returns a caller that opens a connection for each of its calls, from an address of loopback, "" for the usual one.
func coming(site e2etest.Site, address string) func(context.Context) error {
	transport := &http.Transport{DisableKeepAlives: true}
	if address != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialFrom(ctx, address, site.URL) }
	}
	site.Client = &http.Client{Transport: transport}
	return getting(site, "/v1/models")
}

func dialFrom(ctx context.Context, address, server string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 5 * time.Second}
	return d.DialContext(ctx, "tcp", strings.TrimPrefix(server, "http://"))
}

// eventually asks until ctx ends. Each answer says whether it is the wanted one.
func eventually(ctx context.Context, t *testing.T, what string, ask func() (wanted bool, answer string)) {
	t.Helper()
	for last := ""; ; {
		wanted, answer := ask()
		switch {
		case wanted:
			return
		case ctx.Err() != nil:
			t.Errorf("not in time: %s; the last answer is %q", what, last)
			return
		}
		last = answer
	}
}
