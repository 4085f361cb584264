//go:build cluster

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestAMinuteLongUploadOutlivesARolloutOfItsFunction sends a chunk so slowly that the revision of upload-chunk that takes it has long been
// replaced when it ends.
func TestAMinuteLongUploadOutlivesARolloutOfItsFunction(t *testing.T) {
	t.Parallel()
	u := register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	file, err := os.ReadFile(u.Padded(1, 1<<20))
	e2etest.Must(t, err)
	upload := s.BeginUpload(u.Of("digits"), "1.0.0", len(file))

	const takes = 70 * time.Second
	began, answered := time.Now(), make(chan error, 1)
	go func() { answered <- putSlowly(t.Context(), s, upload+"/chunks/0", file, takes) }() // it ends with its body, or with the test
	time.Sleep(3 * time.Second)
	redeploy(t, "upload-chunk", add("/spec/template/metadata/annotations/client.knative.dev~1updateTimestamp", time.Now().Format(time.RFC3339)))
	if rolled := time.Since(began); rolled > takes/2 {
		t.Errorf("the rollout took until %s after the chunk began: it has not outlived much of it", rolled)
	}
	if err := <-answered; err != nil {
		t.Fatalf("%v, %s after the chunk began", err, time.Since(began))
	}

	s.Complete(upload, e2etest.Digest(file))
	s.Becomes(upload, `"status":"ready"`)
}

// putSlowly sends a chunk in equal pieces, one each half second.
func putSlowly(ctx context.Context, s e2etest.Site, path string, file []byte, takes time.Duration) error {
	body, send := io.Pipe()
	go func() { // ends with the body, or when nobody reads it any more
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		size := len(file)/int(takes/(500*time.Millisecond)) + 1
		for rest := file; len(rest) > 0; <-tick.C {
			n := min(size, len(rest))
			if _, err := send.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		_ = send.Close()
	}()
	defer func() { _ = body.Close() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+path, body)
	if err != nil {
		return err
	}
	request.ContentLength = int64(len(file))
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("X-Chunk-SHA256", e2etest.Digest(file))
	answer, err := s.Client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s, %w", answer.Status, text, err)
	}
	return nil
}

// change is one of a JSON Patch (RFC 6902).
type change struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value string `json:"value"`
}

func add(path, value string) change     { return change{"add", path, value} }
func replace(path, value string) change { return change{"replace", path, value} }

// redeploy changes a function's Service and returns when the new revision has taken over.
func redeploy(t testing.TB, function string, how ...change) {
	t.Helper()
	patch, err := json.Marshal(how)
	e2etest.Must(t, err)
	kubectl(t, "patch", "services.serving.knative.dev", function, "--namespace", functions, "--type=json", "--patch", string(patch))
	await(t, "the new revision of "+function+" serves", time.Minute, func() (string, bool) {
		var service struct {
			Metadata struct{ Generation int }
			Status   struct {
				ObservedGeneration                                 int
				LatestReadyRevisionName, LatestCreatedRevisionName string
				Conditions                                         []struct{ Type, Status, Reason, Message string }
			}
		}
		read(t, &service, "services.serving.knative.dev/"+function, "--namespace", functions)
		ready := service.Status.ObservedGeneration == service.Metadata.Generation &&
			service.Status.LatestReadyRevisionName == service.Status.LatestCreatedRevisionName
		for _, c := range service.Status.Conditions {
			ready = ready && c.Status == "True"
		}
		return fmt.Sprintf("%+v", service.Status), ready
	})
}

// redeployed is redeploy until mend is called, or the test has ended.
func redeployed(t testing.TB, function string, how, back change) (mend func()) {
	t.Helper()
	mend = sync.OnceFunc(func() { redeploy(t, function, back) })
	t.Cleanup(mend)
	redeploy(t, function, how)
	return mend
}
