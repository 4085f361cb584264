//go:build !cluster

package field

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestAnAliasIsPutAsItsConditionsSay also shows that a reason is kept where the alias stays.
func TestAnAliasIsPutAsItsConditionsSay(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Serve("digits")
	s := u.Site()
	aliases := "/v1/models/" + u.Of("digits") + "/aliases"
	put := func(body, header, value string) functiontest.Answer {
		return s.Do(functiontest.Request{
			Method: http.MethodPut, Path: aliases + "/production", Body: body, Token: s.Token, Header: map[string]string{header: value},
		})
	}
	const body = `{"version":"1.0.0"}`

	put(body, "If-Match", "*").AssertProblem(t, fault.PreconditionFailed, "If-Match")
	if list := s.Text(aliases); strings.Contains(list, "production") {
		t.Errorf("it was made all the same: %s", list)
	}
	made := put(body, "If-None-Match", "*")
	if made.Status != http.StatusOK {
		t.Fatalf("status %d: %s", made.Status, made.Body)
	}
	put(body, "If-None-Match", "*").AssertProblem(t, fault.PreconditionFailed, "If-None-Match")
	put(body, "If-Match", "production").AssertProblem(t, fault.Invalid, "If-Match")
	if again := put(`{"version":"1.0.0","why":"approved by risk"}`, "If-Match", `"other", `+made.Header.Get("ETag")); again.Status != http.StatusOK {
		t.Errorf("status %d: %s", again.Status, again.Body)
	}

	var history struct{ Items []struct{ Why string } }
	e2etest.Must(t, json.Unmarshal([]byte(s.Text(aliases+"/production/history")), &history))
	if len(history.Items) != 2 || history.Items[0].Why != "approved by risk" {
		t.Errorf("the history is %+v", history)
	}
	model := functiontest.Request{Method: http.MethodGet, Path: "/v1/models/" + u.Of("digits"), Token: s.Token}
	model.Header = map[string]string{"If-None-Match": `"x", W/` + s.Do(model).Header.Get("ETag")}
	if answer := s.Do(model); answer.Status != http.StatusNotModified {
		t.Errorf("status %d", answer.Status)
	}
}
