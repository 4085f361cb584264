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

func TestWrongInputIsRefusedByOneRuleAndNamed(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	api := u.Site()
	const version = "/versions/1.0.0"
	model := "/v1/models/" + u.Of("digits")
	for _, test := range []struct{ method, path, body, field, detail string }{
		{"GET", "/v1/models?colour=red", "", "colour", "colour is not a known query parameter."},
		{"GET", "/v1/models?order=name&order=name", "", "order", "order is given more than once."},
		{"GET", "/v1/models?page_token=a&page_token=a", "", "page_token", "page_token is given more than once."},
		{"GET", model + version + "/files/digits.onnx?colour=red", "", "colour", "colour is not a known query parameter."},
		{"GET", "/v1/events?colour=red", "", "colour", "colour is not a known query parameter."},
		{"GET", "/openapi.json?colour=red", "", "colour", "colour is not a known query parameter."},
		{"GET", "/v2?colour=red", "", "colour", "colour is not a known query parameter."},
		{"GET", "/v1/usage?from=0001-01-01T00:00:00Z", "", "from", "from must be a time from the year 1970 on."},
		{"GET", "/v1/usage?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "", "from", "from must be before to."},
		{"GET", "/v1/usage?from=2020-01-01T00:00:00Z", "", "from", "from must be at most 400 days before to."},
		{"POST", "/v1/models", `{"name":"x","metadata":{"a":{"b":1,"b":2}}}`, "metadata.a.b", "metadata.a.b is given more than once."},
		{"POST", "/v1/models", `{"name":"x","description":"` + strings.Repeat("x", 4097) + `"}`, "description", "description has more than 4,096 characters."},
		{"POST", "/v1/models", `{}`, "name", "name is required."},
		{"PATCH", model + version, `{"metadata":{"a":1,"a":2}}`, "metadata.a", "metadata.a is given more than once."},
	} {
		answer := api.Do(functiontest.Request{Method: test.method, Path: test.path, Body: test.body, Token: api.Token})
		answer.AssertProblem(t, fault.Invalid, test.field)
		var problem struct{ Detail string }
		if err := json.Unmarshal(answer.Body, &problem); err != nil || problem.Detail != test.detail || answer.Status != http.StatusBadRequest {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, problem.Detail, test.detail)
		}
	}
}
