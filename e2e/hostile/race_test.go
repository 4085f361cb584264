//go:build !cluster && linux

package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	// refreshes are made by refreshers, one after the other each: all of the database's connections wait for the one token.
	refreshes, refreshers = 300, 60
	registrations         = 30
	// raceMemory bounds what a race may make the process grow by, and hashMemory what two hashes at once take beside that, garbage included.
	raceMemory, hashMemory = 96 * mib, 160 * mib
)

// race posts a body to a path so many times, by as many at once, and returns the answers.
func race(ctx context.Context, t *testing.T, times, atOnce int, site e2etest.Site, path, body string) []racer {
	t.Helper()
	all := make([]racer, times)
	var racers sync.WaitGroup
	for some := range slices.Chunk(all, times/atOnce) {
		racers.Go(func() {
			for i := range some {
				if err := some[i].post(ctx, site, path, body); err != nil {
					t.Errorf("no answer: %v", err)
				}
			}
		})
	}
	racers.Wait()
	return all
}

// racer is the answer that one of many got.
type racer struct {
	status     int
	retryAfter string
	body       struct {
		RefreshToken string `json:"refresh_token"`
		Detail       string `json:"detail"`
	}
}

func (r *racer) post(ctx context.Context, site e2etest.Site, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, site.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := site.Client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	r.status, r.retryAfter = answer.StatusCode, answer.Header.Get("Retry-After")
	return json.NewDecoder(answer.Body).Decode(&r.body)
}

// TestRacingRefreshesOfATokenGiveOneSuccessor spends a refresh token 300 times, by 60 callers at once: all are given the same successor. One that comes when the grace of
// ten seconds is over ends the session, successor and all.
func TestRacingRefreshesOfATokenGiveOneSuccessor(t *testing.T) {
	t.Parallel()
	innocent := getting(the.Register(t).Site(), "/v1/models")
	user := the.Register(t)
	site := e2etest.Visit(t, the.Server)
	var first racer
	e2etest.Must(t, first.post(t.Context(), site, "/v1/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, user.Email, e2etest.Password)))
	refresh := func(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }

	var all []racer
	withinMemory(t, &the, raceMemory, func() {
		unharmed(t, innocent, func(ctx context.Context) {
			all = race(ctx, t, refreshes, refreshers, site, "/v1/auth/refresh", refresh(first.body.RefreshToken))
		})
	})
	successors, want := map[string]int{}, http.StatusOK
	for _, r := range all {
		switch r.status {
		case http.StatusOK:
			successors[r.body.RefreshToken]++
		case http.StatusUnauthorized:
			want = http.StatusUnauthorized // too late: the session has ended
		default:
			t.Errorf("a refresh is answered %d: %s", r.status, r.body.Detail)
		}
	}
	if len(successors) != 1 {
		t.Fatalf("the token has %d successors", len(successors))
	}
	for successor, times := range successors {
		t.Logf("%d of %d refreshes were given the one successor", times, refreshes)
		var next racer
		if e2etest.Must(t, next.post(t.Context(), site, "/v1/auth/refresh", refresh(successor))); next.status != want {
			t.Errorf("the successor is answered %d: %s; want %d", next.status, next.body.Detail, want)
		}
	}
}

// TestRacingRegistrationsMakeOneAccount registers a tenant and an email 30 times at once: one gets them, and the others are told that they are taken, or
// to come again where too many wait to hash.
func TestRacingRegistrationsMakeOneAccount(t *testing.T) {
	t.Parallel()
	innocent := getting(the.Register(t).Site(), "/v1/models")
	user, site := e2etest.Stranger(t, the.Server), e2etest.Visit(t, the.Server)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialFrom(ctx, "127.0.0.3", site.URL) // registrations of an address are counted
	}}
	t.Cleanup(transport.CloseIdleConnections)
	site.Client = &http.Client{Transport: transport}
	account := fmt.Sprintf(`{"email":%q,"password":%q,"tenant":%q}`, user.Email, e2etest.Password, user.Tenant)

	var all []racer
	withinMemory(t, &the, raceMemory+hashMemory, func() {
		unharmed(t, innocent, func(ctx context.Context) {
			all = race(context.WithoutCancel(ctx), t, registrations, registrations, site, "/v1/auth/register", account)
		})
	})
	counts := map[int]int{}
	for _, r := range all {
		counts[r.status]++
		taken := r.status == http.StatusConflict && strings.Contains(r.body.Detail, "exists already")
		later := r.status == http.StatusServiceUnavailable && r.retryAfter != ""
		if r.status != http.StatusCreated && !taken && !later {
			t.Errorf("a registration is answered %d: %s", r.status, r.body.Detail)
		}
	}
	if t.Logf("registrations were answered %v", counts); counts[http.StatusCreated] != 1 {
		t.Errorf("%d registrations of one email succeeded", counts[http.StatusCreated])
	}
	var again, login racer
	e2etest.Must(t, again.post(t.Context(), site, "/v1/auth/register", account))
	e2etest.Must(t, login.post(t.Context(), site, "/v1/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, user.Email, e2etest.Password)))
	if again.status != http.StatusConflict || login.status != http.StatusOK {
		t.Errorf("one more registration is answered %d, and the account signs in with %d", again.status, login.status)
	}
}
