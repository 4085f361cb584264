//go:build !cluster

package field

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestAKeyForOneModelReadsNothingOfOthers asks by such a key for a version whose parent and child are of models that it may not know of.
func TestAKeyForOneModelReadsNothingOfOthers(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	begin := func(model, parent string) {
		body := fmt.Sprintf(`{"model":%q,"version":"1.0.0","filename":"model.onnx","size":9,"lineage":{"parent":%q,"data":"s3://%s","run":"run of %s"}}`,
			u.Of(model), parent, model, model)
		s.Post("/v1/uploads", body, http.StatusCreated, nil)
	}
	for _, model := range []string{"secret", "own", "other"} {
		s.Post("/v1/models", fmt.Sprintf(`{"name":%q}`, model), http.StatusCreated, nil)
	}
	begin("secret", "")
	begin("own", u.Of("secret")+"@1.0.0")
	begin("other", u.Of("own")+"@1.0.0")
	s.Post("/v1/api-keys", fmt.Sprintf(`{"name":"of another","scopes":["model:read"],"models":[%q]}`, u.Of("secret")), http.StatusCreated, nil)
	var key struct{ Secret string }
	s.Post("/v1/api-keys", fmt.Sprintf(`{"name":"own alone","scopes":["*:read","upload:write"],"models":[%q]}`, u.Of("own")), http.StatusCreated, &key)
	ask := func(method, path, body string) functiontest.Answer {
		return s.Do(functiontest.Request{Method: method, Path: path, Body: body, Token: key.Secret})
	}

	own := "/v1/models/" + u.Of("own")
	for _, path := range []string{
		own + "/versions/1.0.0/lineage", own + "/versions/1.0.0", own + "/versions", own + "/versions/1.0.0/manifest", own + "/compare/1.0.0...1.0.0",
		own + "/aliases", own + "/stats", "/v1/models", "/v1/models?q=secret", "/v1/uploads", "/v1/api-keys", "/v1/usage", "/v1/usage?group_by=version",
	} {
		answer := ask(http.MethodGet, path, "")
		if answer.Status != http.StatusOK || strings.Contains(string(answer.Body), "secret") || strings.Contains(string(answer.Body), "other") {
			t.Errorf("GET %s: status %d, %s", path, answer.Status, answer.Body)
		}
	}
	said := map[string]string{}
	for _, parent := range []string{"secret", "absent"} {
		answer := ask(http.MethodPost, "/v1/uploads", fmt.Sprintf(
			`{"model":%q,"version":"2.0.0","filename":"m.onnx","size":9,"lineage":{"parent":"%s@1.0.0"}}`, u.Of("own"), u.Of(parent)))
		answer.AssertProblem(t, fault.Invalid, "lineage.parent")
		var problem struct{ Detail string }
		e2etest.Must(t, json.Unmarshal(answer.Body, &problem))
		said[parent] = strings.ReplaceAll(problem.Detail, parent, "")
	}
	if said["secret"] != said["absent"] {
		t.Errorf("a parent that there is, and one that there is not, are told apart: %q", said)
	}
	if whole := s.Text(own + "/versions/1.0.0/lineage"); !strings.Contains(whole, "run of secret") || !strings.Contains(whole, u.Of("other")) {
		t.Errorf("the owner reads %s", whole)
	}
}
