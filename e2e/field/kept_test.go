//go:build !cluster

package field

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestAKeptAnswerNamesWhatItsCallerCalled has one file in two models, of which a key may know one: the answer that was computed for the other is that key's
// too, but not its name.
func TestAKeptAnswerNamesWhatItsCallerCalled(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	for _, which := range []string{"secret@1.0.0", "open@2.1.0"} {
		u.Maas("push", u.Of(which), e2etest.Data("digits.onnx")).Ends(0, "verified")
		u.Maas("publish", u.Of(which), "--deterministic").OK()
	}
	var limited struct{ Secret string }
	u.Maas("keys", "create", "one", "--scope", "inference:execute", "--model", u.Of("open"), "--output", "json").OK().Read(&limited)
	request := string(e2etest.Content(t, "digits-request.json"))
	ask := func(token, model, id, cache string) {
		t.Helper()
		s := e2etest.Visit(t, the.Server)
		answer := s.Must(functiontest.Request{
			Method: http.MethodPost, Path: "/v2/models/" + u.Of(model) + "/infer", Token: token,
			Body: strings.Replace(request, `"digits"`, `"`+id+`"`, 1),
		}, http.StatusOK, nil)
		var said struct {
			Model   string `json:"model_name"`
			Version string `json:"model_version"`
			ID      string
		}
		e2etest.Must(t, json.Unmarshal(answer.Body, &said))
		version := map[string]string{"secret": "1.0.0", "open": "2.1.0"}[model]
		if said.Model != u.Of(model) || said.Version != version || said.ID != id || answer.Header.Get("X-Cache") != cache {
			t.Errorf("a call %s of %s is answered as %+v, X-Cache %s", id, model, said, answer.Header.Get("X-Cache"))
		}
	}

	ask(u.Key("inference:execute"), "secret", "1", "miss")
	ask(limited.Secret, "open", "2", "hit")
	ask(limited.Secret, "open", "1", "hit")
}
