package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/authtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// The routes of the tests' own function.
var testRoutes = []Route{
	{Pattern: "POST /things/{t}/{m}", Function: "things", Permission: "model:write"},
	{Pattern: "GET /things", Function: "things", Permission: "model:read"},
	{Pattern: "GET /things/{id}", Function: "things", Permission: "model:read"},
	{Pattern: "DELETE /things/{id}", Function: "things", Permission: "model:delete"},
	{Pattern: "GET /public", Function: "things", Permission: api.Public},
	{Pattern: "PUT /bytes", Function: "things", Permission: "upload:write"},
	{Pattern: "GET /v2/fails", Function: "things", Permission: api.Public},
	{Pattern: "POST /inference.GRPCInferenceService/ServerLive", Function: "things", Permission: api.Public, Status: http.StatusOK},
	{Pattern: "POST /inference.GRPCInferenceService/ModelReady", Function: "things", Permission: "inference:execute", Status: http.StatusOK, Gateway: true},
	{Pattern: "POST /inference.GRPCInferenceService/ModelInfer", Function: "things", Permission: auth.GatewayCall, Status: http.StatusOK, Gateway: true},
}

// api is a function of an installation, and what its tests say to it.
type testAPI struct {
	t *testing.T
	*Mux
	installation *authtest.Installation
	token        string
}

func newAPI(t *testing.T) *testAPI {
	t.Helper()
	i := authtest.New(t)
	e := i.Env("things", map[string]string{"MAAS_TRUSTED_PROXIES": "192.0.2.0/24"})
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	m, err := newMux(e, i, testRoutes)
	if err != nil {
		t.Fatal(err)
	}
	return &testAPI{t: t, Mux: m, installation: i, token: i.Member(t, api.Owner)}
}

// result is an answer that was read.
type result struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// call sends a request as an owner; headers come in pairs and replace what is there, "" takes one away.
func (a *testAPI) call(method, path, body string, headers ...string) result {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+a.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
		if pair[1] == "" {
			r.Header.Del(pair[0])
		}
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return result{w, a.t}
}

// problem returns the problem, which must be of the kind.
func (r result) problem(kind string) Problem {
	r.t.Helper()
	var p Problem
	if err := json.Unmarshal(r.Body.Bytes(), &p); err != nil {
		r.t.Fatalf("answer %d is no problem: %s", r.Code, r.Body)
	}
	if p.Type != ProblemType+kind || p.Status != r.Code || r.Header().Get("Content-Type") != "application/problem+json" {
		r.t.Fatalf("answer %d is %s (%s), want %s", r.Code, p.Type, p.Detail, kind)
	}
	return p
}

// wrong returns the fields that an invalid request is told of, as "field: detail", the detail without its subject where that is the field.
func (r result) wrong() []string {
	r.t.Helper()
	var all []string
	for _, e := range r.problem("invalid").Errors {
		detail, ofField := strings.CutPrefix(e.Detail, e.Field+" ")
		if ofField {
			detail = strings.TrimSuffix(detail, ".")
		}
		all = append(all, e.Field+": "+detail)
	}
	return all
}

func (r result) ok(status int) result {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("status %d, want %d: %s", r.Code, status, r.Body)
	}
	return r
}

// thing is a request with one field of each sort.
type thing struct {
	Model    ref.Model         `path:"t/m"`
	Title    string            `json:"title"`
	Count    int8              `json:"count,omitempty"`
	Owner    *uuid.UUID        `json:"owner"`
	Parts    []part            `json:"parts,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Tag      condition.Match   `header:"If-Match"`
	Level    []uint8           `query:"level"`
	Loud     bool              `query:"loud"`
}

type part struct {
	Version ref.Version `json:"version"`
	Weight  float64     `json:"weight"`
}

// listing is a list's request.
type listing struct {
	page.Request
	Status string `query:"status"`
}
