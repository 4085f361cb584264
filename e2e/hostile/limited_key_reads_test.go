//go:build !cluster

package hostile

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestALimitedKeyReadsNoEventsAndCountsOfOtherModels has a key for one of two models follow uploads and count models by what they have.
func TestALimitedKeyReadsNoEventsAndCountsOfOtherModels(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"own","tags":["both"],"framework":"onnx","license":"mit"}`, http.StatusCreated, nil)
	s.Post("/v1/models", `{"name":"secret","tags":["both","hidden-tag"],"framework":"hidden-framework","license":"hidden-license"}`, http.StatusCreated, nil)
	var key struct{ Secret string }
	s.Post("/v1/api-keys", fmt.Sprintf(`{"name":"own alone","scopes":["*:read"],"models":[%q]}`, u.Of("own")), http.StatusCreated, &key)
	limited := s
	limited.Token = key.Secret

	for _, query := range []string{"", "?tag=both", "?q=secret", "?tag=hidden-tag", "?framework=hidden-framework", "?license=hidden-license", "?order=created"} {
		text := limited.Text("/v1/models" + query)
		var found struct {
			Items  []struct{ Model string }
			Facets *struct{ Frameworks, Tags, Licenses map[string]int }
		}
		e2etest.Must(t, json.Unmarshal([]byte(text), &found))
		if strings.Contains(text, "hidden") || strings.Contains(text, "secret") || found.Facets == nil || found.Facets.Tags["both"] != len(found.Items) {
			t.Errorf("GET /v1/models%s: %s", query, text)
		}
	}

	hidden := s.BeginUpload(u.Of("secret"), "1.0.0", 9)
	limited.Do(functiontest.Request{Method: http.MethodGet, Path: hidden + "/events", Token: limited.Token}).AssertProblem(t, fault.NotFound)
	heard := listening(t, limited)
	first := s.BeginUpload(u.Of("own"), "1.0.0", 9)
	s.BeginUpload(u.Of("secret"), "2.0.0", 9)
	s.Must(functiontest.Request{Method: http.MethodDelete, Path: hidden, Token: s.Token}, http.StatusNoContent, nil)
	last := s.BeginUpload(u.Of("own"), "2.0.0", 9)
	all := heard(func(all string) bool {
		return strings.Contains(all, strings.TrimPrefix(first, "/v1/uploads/")) && strings.Contains(all, strings.TrimPrefix(last, "/v1/uploads/"))
	})
	if strings.Contains(all, "secret") || strings.Contains(all, strings.TrimPrefix(hidden, "/v1/uploads/")) {
		t.Errorf("the key hears of another model: %s", all)
	}
}

// listening opens the stream of all uploads' events, and returns a function that reads it until what was read is enough.
func listening(t *testing.T, site e2etest.Site) func(enough func(all string) bool) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL+"/v1/events", http.NoBody)
	e2etest.Must(t, err)
	request.Header.Set("Authorization", "Bearer "+site.Token)
	answer, err := site.Client.Do(request)
	e2etest.Must(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	stop := time.AfterFunc(time.Minute, func() { _ = answer.Body.Close() })
	t.Cleanup(func() { stop.Stop() })
	return func(enough func(string) bool) (all string) {
		for lines := bufio.NewScanner(answer.Body); !enough(all); all += lines.Text() + "\n" {
			if !lines.Scan() {
				t.Fatalf("the stream ended (%v) after %q", lines.Err(), all)
			}
		}
		return all
	}
}
