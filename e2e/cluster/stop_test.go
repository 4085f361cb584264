//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestACallOutlivesTheStopOfItsPods deletes the pods that a slow call is at, the gateway's and the model's, as a rollout or the drain of a node does.
// The call takes longer than the 30 seconds after which queue-proxy stops by itself.
//
//nolint:paralleltest // other tests call the pods of infer, too
func TestACallOutlivesTheStopOfItsPods(t *testing.T) {
	u := register(t)
	path, s := u.Publish("slow", "slow.onnx"), u.Site()
	const some, long = 2_000, 60 * time.Second
	e2etest.Must(t, stepsOf(t.Context(), s, path, 1)) // the model runs now
	fastest := time.Hour
	for range 3 {
		began := time.Now()
		e2etest.Must(t, stepsOf(t.Context(), s, path, some))
		fastest = min(fastest, time.Since(began))
	}
	steps := int(some * long / fastest)
	answered := make(chan error, 1)
	began := time.Now()
	go func() { answered <- stepsOf(t.Context(), s, path, steps) }() // it has a deadline
	time.Sleep(2 * time.Second)
	for namespace, selector := range map[string]string{
		functions: of("infer"), models: "serving.kserve.io/inferenceservice,maas.dev/tenant=" + u.Tenant,
	} {
		kubectl(t, "delete", "pods", "--namespace", namespace, "--selector", selector, "--wait=false")
	}
	err := <-answered
	took := time.Since(began).Round(time.Second)
	if err != nil {
		t.Errorf("the call ends after %s: %v", took, err)
	}
	if took < 40*time.Second {
		t.Errorf("the call took %s, too short to show anything", took)
	}
	t.Logf("the call took %s", took)
}

// stepsOf has slow.onnx make so many steps; 1,000 take less than a second, if nothing else runs.
func stepsOf(ctx context.Context, s e2etest.Site, path string, steps int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(string(e2etest.SlowRequest(steps))))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Request-Timeout", "290000")
	answer, err := s.Client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, end(string(text), 500))
	}
	return err
}
