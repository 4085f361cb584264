//go:build !cluster

package hostile

import (
	"bufio"
	"context"
	"net/http"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestATenantLeavesEventStreamsToOthers opens more streams than a process has, with one credential.
func TestATenantLeavesEventStreamsToOthers(t *testing.T) {
	greedy, innocent := the.Register(t).Site(), the.Register(t).Site()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open, refused := 0, 0
	for range 300 {
		switch status := follow(ctx, t, greedy); status {
		case http.StatusOK:
			open++
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatalf("a stream is answered with %d", status)
		}
	}
	t.Logf("%d streams of one credential were opened and %d refused", open, refused)
	if open == 0 || refused == 0 {
		t.Error("the streams of a credential are not bounded, or there are none")
	}
	if status := follow(ctx, t, innocent); status != http.StatusOK {
		t.Errorf("another tenant's stream is answered with %d", status)
	}
}

// follow opens a stream of all uploads that stays open until ctx ends, and returns the status once its first line is there.
func follow(ctx context.Context, t *testing.T, site e2etest.Site) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+"/v1/events", http.NoBody)
	e2etest.Must(t, err)
	r.Header.Set("Authorization", "Bearer "+site.Token)
	answer, err := site.Client.Do(r)
	e2etest.Must(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	_, err = bufio.NewReader(answer.Body).ReadString('\n')
	if answer.StatusCode == http.StatusOK {
		e2etest.Must(t, err)
	}
	return answer.StatusCode
}
