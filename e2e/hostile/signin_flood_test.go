//go:build !cluster

package hostile

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	signIns = 6  // of the innocent caller, without the flood and beside it
	bots    = 32 // that sign in at the same time, each time from another address
)

// TestAFloodOfSignInsDelaysNobodyWhoIsKnown floods a host that believes this machine's proxies, from addresses of all the world.
func TestAFloodOfSignInsDelaysNobodyWhoIsKnown(t *testing.T) {
	h := e2etest.Up(t, "MAAS_TRUSTED_PROXIES=127.0.0.0/8")
	u := e2etest.Register(t, h.URL)
	site := u.Site()
	signIn := func(ctx context.Context) error { return login(ctx, site, "198.51.100.7", u.Email) }
	read := getting(site, "/v1/models")
	e2etest.Must(t, signIn(t.Context())) // from now on it is known
	alone := calls(t, signIn, func(n int) bool { return n < signIns })
	readAlone := calls(t, read, func(n int) bool { return n < 2*signIns })

	ctx, cancel := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	var mu sync.Mutex
	statuses := map[string]int{}
	for range bots {
		flood.Go(func() { // ends with ctx
			for ctx.Err() == nil {
				from := fmt.Sprintf("203.0.%d.%d", rand.IntN(256), rand.IntN(256))
				err := login(ctx, site, from, fmt.Sprintf("nobody%d@example.com", rand.Int()))
				mu.Lock()
				statuses[fmt.Sprintf("%.16s", err)]++
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Second) // the queue fills
	beside := calls(t, signIn, func(n int) bool { return n < signIns })
	readBeside := calls(t, read, func(n int) bool { return n < 2*signIns })
	cancel()
	flood.Wait()

	for _, c := range []struct {
		what           string
		before, beside time.Duration
	}{{"signing in", p99(alone), p99(beside)}, {"reading with an access token", p99(readAlone), p99(readBeside)}} {
		t.Logf("%s: p99 %s without the flood, %s beside it", c.what, c.before, c.beside)
		// A known caller waits for one hash at most, and its own shares the processor with another: seconds, where a hash takes half of one.
		if c.beside > max(2*c.before, 2*harmless) {
			t.Errorf("%s went from %s to %s", c.what, c.before, c.beside)
		}
	}
	t.Logf("the flood was answered with %v", statuses)
}

// login signs in through a proxy that has seen the address, and fails unless the answer is 200.
func login(ctx context.Context, site e2etest.Site, from, email string) error {
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, e2etest.Password)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, site.URL+"/v1/auth/login", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", from)
	answer, err := site.Client.Do(r)
	return answered(answer, err)
}
