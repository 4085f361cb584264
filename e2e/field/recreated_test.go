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

// TestAKeyOfADeletedModelDoesNotReachTheNextOfItsName deletes one of the two models of a key, and serves another of its name.
func TestAKeyOfADeletedModelDoesNotReachTheNextOfItsName(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	key := func(models ...string) string {
		arguments := []string{"keys", "create", models[0], "--scope", "*:read,*:write,inference:execute", "--output", "json"}
		for _, model := range models {
			arguments = append(arguments, "--model", u.Of(model))
		}
		var made struct{ Secret string }
		u.Maas(arguments...).OK().Read(&made)
		return made.Secret
	}
	u.Maas("keys", "create", "early", "--model", u.Of("x")).Ends(1, "There is no model "+u.Of("x"), "pattern like "+u.Of("x*"))
	for _, model := range []string{"x", "own"} {
		u.Serve(model)
	}
	old, pattern := key("x", "own"), key("x*")
	request := string(e2etest.Content(t, "digits-request.json"))
	status := func(token, method, path, body string) int {
		return s.Do(functiontest.Request{Method: method, Path: path, Body: body, Token: token}).Status
	}
	call := func(token, model string) int {
		return status(token, http.MethodPost, "/v2/models/"+u.Of(model)+"/infer", request)
	}
	for _, token := range []string{old, pattern} {
		if got := call(token, "x"); got != http.StatusOK {
			t.Errorf("while it is there it is answered with status %d", got)
		}
	}

	s.Must(functiontest.Request{Method: http.MethodDelete, Path: "/v1/models/" + u.Of("x") + "?force=true", Token: s.Token}, http.StatusNoContent, nil)
	u.Serve("x")
	upload := s.BeginUpload(u.Of("x"), "2.0.0", 9)
	e2etest.Eventually(t, "the new model's call is counted", time.Minute, func() bool {
		return strings.Contains(s.Text("/v1/models/"+u.Of("x")+"/stats"), `"requests":1`)
	})

	// A change of a route is known everywhere within seconds.
	e2etest.Eventually(t, "the old key reaches x no more", 20*time.Second, func() bool { return call(old, "x") == http.StatusNotFound })
	x := "/v1/models/" + u.Of("x")
	for _, path := range []string{
		x, x + "/versions", x + "/versions/1.0.0", x + "/versions/1.0.0/lineage", x + "/versions/1.0.0/files/model.onnx", x + "/aliases", x + "/stats", upload,
		upload + "/events", "/v2/models/" + u.Of("x"), "/v2/models/" + u.Of("x") + "/ready",
	} {
		if got := status(old, http.MethodGet, path, ""); got != http.StatusNotFound {
			t.Errorf("GET %s by the old key: status %d", path, got)
		}
	}
	begin := `{"model":"` + u.Of("x") + `","version":"3.0.0","filename":"model.onnx","size":9}`
	if got := status(old, http.MethodPost, "/v1/uploads", begin); got != http.StatusNotFound {
		t.Errorf("an upload by the old key: status %d", got)
	}
	for _, path := range []string{"/v1/models", "/v1/uploads", "/v1/usage"} {
		answer := s.Do(functiontest.Request{Method: http.MethodGet, Path: path, Token: old})
		if answer.Status != http.StatusOK || strings.Contains(string(answer.Body), `"`+u.Of("x")+`"`) {
			t.Errorf("GET %s by the old key: status %d, %s", path, answer.Status, answer.Body)
		}
		answer = s.Do(functiontest.Request{Method: http.MethodGet, Path: path, Token: pattern})
		if answer.Status != http.StatusOK || !strings.Contains(string(answer.Body), `"`+u.Of("x")+`"`) {
			t.Errorf("GET %s by the pattern's key: status %d, %s", path, answer.Status, answer.Body)
		}
	}
	for name, got := range map[string]int{
		"the old key's other model": call(old, "own"), "the new model by a pattern": call(pattern, "x"), "and its resource": status(pattern, http.MethodGet, x, ""),
	} {
		if got != http.StatusOK {
			t.Errorf("%s: status %d", name, got)
		}
	}
	u.Maas("keys", "list").Ends(0, u.Of("x")+" (deleted), "+u.Of("own"), u.Of("x*"))
}
