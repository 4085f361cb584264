//go:build cluster

package cluster

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestFunctionsAnswerWhileRedisDoesNot has Redis answer nobody for a while.
func TestFunctionsAnswerWhileRedisDoesNot(t *testing.T) { //nolint:paralleltest // all functions are slower meanwhile
	u := register(t)
	u.Serve("digits")
	s := u.Site()
	const away = 15 * time.Second
	pause(t, installation(t)["REDIS_URL"], away)
	paused := time.Now()

	for _, in := range []functiontest.Request{
		{Method: http.MethodGet, Path: "/v1/models"},
		{Method: http.MethodGet, Path: "/v1/models/" + u.Of("digits") + "/versions/latest"},
		{Method: http.MethodPost, Path: "/v1/models", Body: `{"name":"other"}`},
		{Method: http.MethodPost, Path: "/v2/models/" + u.Of("digits") + "/infer", Body: string(e2etest.Content(t, "digits-request.json"))},
	} {
		in.Token = s.Token
		began := time.Now()
		answer := s.Do(in)
		t.Logf("%s %s: %d after %s", in.Method, in.Path, answer.Status, time.Since(began).Round(time.Millisecond))
		if answer.Status >= http.StatusMultipleChoices {
			t.Errorf("%s %s is answered %d: %s", in.Method, in.Path, answer.Status, answer.Body)
		}
	}
	if since := time.Since(paused); since > away {
		t.Errorf("Redis was back before the answers, %s after it went", since)
	}
}

// pause has the Redis of a URL answer no command for a while.
func pause(t testing.TB, redis string, length time.Duration) {
	t.Helper()
	u, err := url.Parse(redis)
	e2etest.Must(t, err)
	conn, err := net.Dial("tcp", u.Host)
	e2etest.Must(t, err)
	defer func() { _ = conn.Close() }()
	commands := []string{fmt.Sprintf("CLIENT PAUSE %d ALL", length.Milliseconds())}
	if password, ok := u.User.Password(); ok {
		commands = append([]string{strings.TrimSpace("AUTH " + u.User.Username() + " " + password)}, commands...)
	}
	answers := bufio.NewReader(conn)
	for _, command := range commands {
		_, err := fmt.Fprintf(conn, "%s\r\n", command)
		e2etest.Must(t, err)
		if answer, err := answers.ReadString('\n'); err != nil || answer != "+OK\r\n" {
			t.Fatalf("Redis answers %q: %v", answer, err)
		}
	}
}
