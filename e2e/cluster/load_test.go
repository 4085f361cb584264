//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestNoCallFailsWhileVersionsChange calls a model all the time while a second version is published, an alias is moved to it, and rolled back.
func TestNoCallFailsWhileVersionsChange(t *testing.T) {
	t.Parallel()
	u := register(t)
	digits := u.Of("digits")
	u.Maas("push", digits+"@1.0.0", u.Padded(1, 1<<10)).Ends(0, "verified")
	u.Maas("publish", digits+"@1.0.0", "--alias", "production").Ends(0, "production")
	u.Maas("push", digits+"@2.0.0", u.Padded(2, 1<<10)).Ends(0, "verified")
	key := u.Key("inference:execute")
	latest := callAlways(t, u, key, "/v2/models/"+digits+"/infer")
	production := callAlways(t, u, key, "/v2/models/"+digits+"/versions/production/infer")
	latest.settles("1.0.0")
	production.settles("1.0.0")

	u.Maas("publish", digits+"@2.0.0").Ends(0, "latest")
	latest.settles("2.0.0")
	production.settles("1.0.0")

	u.Maas("alias", "set", digits, "production", "2.0.0").Ends(0, "2.0.0")
	production.settles("2.0.0")
	u.Maas("alias", "rollback", digits, "production").Ends(0, "1.0.0")
	production.settles("1.0.0")

	latest.end()
	production.end()
}

// calls are calls of one reference, one after the other from each of its callers.
type calls struct {
	t       testing.TB
	path    string
	stop    context.CancelFunc
	callers sync.WaitGroup

	mu       sync.Mutex
	count    int
	failures []string
	versions []string // that answered, the latest last, without those before the last settles
}

// callAlways has three callers call a model until end.
func callAlways(t testing.TB, u *e2etest.User, key, path string) *calls {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &calls{t: t, path: path, stop: stop}
	body := string(e2etest.Content(t, "digits-request.json"))
	for range 3 {
		c.callers.Go(func() { // ends with the context
			for ctx.Err() == nil {
				version, err := call(ctx, u.Server+path, key, body)
				if ctx.Err() == nil {
					c.note(version, err)
				}
				time.Sleep(30 * time.Millisecond)
			}
		})
	}
	t.Cleanup(func() { stop(); c.callers.Wait() })
	return c
}

// call calls the model at the address once, and returns the version that answered.
func call(ctx context.Context, url, key, body string) (version string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s, %w", answer.Status, text, err)
	}
	return answer.Header.Get("X-Model-Version"), nil
}

func (c *calls) note(version string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	if err != nil {
		c.failures = append(c.failures, time.Now().Format(time.TimeOnly)+" "+err.Error())
		return
	}
	c.versions = append(c.versions, version)
}

// settles waits until only the version answers, for two seconds.
func (c *calls) settles(version string) {
	c.t.Helper()
	calm := time.Now()
	await(c.t, c.path+" is answered by "+version, time.Minute, func() (string, bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		seen := ""
		for _, v := range c.versions {
			if seen += " " + v; v != version {
				calm = time.Now()
			}
		}
		many := len(c.versions) > 0
		c.versions = nil
		return seen, many && time.Since(calm) > 2*time.Second
	})
}

// end reports the calls that failed.
func (c *calls) end() {
	c.t.Helper()
	c.stop()
	c.callers.Wait()
	c.t.Logf("%s: %d calls, %d failed", c.path, c.count, len(c.failures))
	if len(c.failures) > 0 {
		c.t.Errorf("%s: %d of %d calls failed: %s", c.path, len(c.failures), c.count, strings.Join(c.failures[:min(5, len(c.failures))], "\n"))
	}
}
