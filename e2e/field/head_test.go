//go:build !cluster

package field

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// TestHEADEndsOnEveryRoute asks each address that GET has, event streams among them.
func TestHEADEndsOnEveryRoute(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	upload := s.BeginUpload(u.Of("digits"), "1.0.0", 100)
	names := strings.NewReplacer(
		"/v1/uploads/{id}", upload, "{t}", u.Tenant, "{m}", "digits", "{v}", "1.0.0", "{ref}", "1.0.0", "{range}", "1.0.0...1.0.0",
		"{alias}", "latest", "{path...}", "model.onnx", "{id}", uuid.NewString(),
	)
	streams := 0
	for _, route := range httpapi.Routes() {
		path, ok := strings.CutPrefix(route.Pattern, http.MethodGet+" ")
		if !ok || route.Events {
			continue
		}
		path = names.Replace(path)
		got, want := status(t, s, http.MethodHead, path), status(t, s, http.MethodGet, path)
		if got.StatusCode != want.StatusCode || got.Header.Get("Content-Type") != want.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %s, %s; GET: %s, %s", path, got.Status, got.Header.Get("Content-Type"), want.Status, want.Header.Get("Content-Type"))
		}
		if want.Header.Get("Content-Type") == "text/event-stream" {
			streams++
		}
	}
	if streams != 2 {
		t.Errorf("%d routes are event streams", streams)
	}
	if absent := "/v1/uploads/" + uuid.NewString() + "/events"; status(t, s, http.MethodHead, absent).StatusCode != http.StatusNotFound {
		t.Errorf("HEAD %s is not 404", absent)
	}
}

// status asks on a connection of its own, and expects the end of HEAD's answer soon: that the server closes the connection, as it was asked.
func status(t *testing.T, s e2etest.Site, method, path string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, http.NoBody)
	e2etest.Must(t, err)
	request.Header.Set("Authorization", "Bearer "+s.Token)
	answer, err := s.Client.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	_ = answer.Body.Close()
	return answer
}
