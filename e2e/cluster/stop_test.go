//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestACallOutlivesTheStopOfItsPods deletes the pods that a slow call is at, the gateway's or the model's, as a rollout or the drain of a node does.
//
//nolint:paralleltest // other tests call the pods of infer, too
func TestACallOutlivesTheStopOfItsPods(t *testing.T) {
	if os.Getenv("LONG") != "1" {
		t.Log("LONG=1 is not set: that calls of a minute outlive the stop of their pods was left out")
		return
	}
	u := register(t)
	path, s := u.Publish("slow", "slow.onnx"), u.Site()
	e2etest.Must(t, stepsOf(t.Context(), s, path, 1)) // the model runs now
	for name, where := range map[string]struct{ namespace, selector string }{
		"infer":     {functions, of("infer")},
		"the model": {models, "serving.kserve.io/inferenceservice,maas.dev/tenant=" + u.Tenant},
	} {
		answered := make(chan error, 1)
		began := time.Now()
		go func() { answered <- stepsOf(t.Context(), s, path, 60_000) }() // it has a deadline
		time.Sleep(2 * time.Second)
		kubectl(t, "delete", "pods", "--namespace", where.namespace, "--selector", where.selector, "--wait=false")
		if err := <-answered; err != nil {
			t.Errorf("while the pods of %s stop, after %s: %v", name, time.Since(began).Round(time.Second), err)
		}
		t.Logf("the call took %s while the pods of %s stopped", time.Since(began).Round(time.Second), name)
	}
}

// stepsOf has slow.onnx make so many steps; 1,000 take about a second.
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
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s, %w", answer.Status, end(string(text), 500), err)
	}
	return nil
}
