//go:build !cluster

package field

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestAModelOfAUsedNameBeginsWithoutCalls deletes a model that was called, and makes another of its name.
func TestAModelOfAUsedNameBeginsWithoutCalls(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	model := "/v1/models/" + u.Of("digits")
	requests := func() (n int64) {
		var stats struct{ Total struct{ Requests int64 } }
		e2etest.Must(t, json.Unmarshal([]byte(s.Text(model+"/stats")), &stats))
		return stats.Total.Requests
	}
	u.Serve("digits") // and calls it once
	e2etest.Eventually(t, "the call is counted", time.Minute, func() bool { return requests() == 1 })
	s.Must(functiontest.Request{Method: http.MethodDelete, Path: model + "?force=true", Token: s.Token}, http.StatusNoContent, nil)
	if answer := s.Do(functiontest.Request{Method: http.MethodGet, Path: model + "/stats", Token: s.Token}); answer.Status != http.StatusNotFound {
		t.Errorf("the stats of no model: status %d, %s", answer.Status, answer.Body)
	}

	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)

	if n := requests(); n != 0 {
		t.Errorf("the new model begins with %d calls", n)
	}
	if usage := s.Text("/v1/usage"); !strings.Contains(usage, `"requests":1`) {
		t.Errorf("the ledger has lost the old one's: %s", usage)
	}
}
