package maas

import (
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

func TestRequestsAreWrittenAsTheServerReadsThem(t *testing.T) {
	t.Parallel()
	model := ref.Model{Tenant: "acme", Name: "fraud"}
	for _, test := range []struct {
		route string
		in    any
		want  string // the path, with the query
		body  string
	}{
		{"GET /v1/users/me", nil, "/v1/users/me", ""},
		{"GET /v1/models/{t}/{m}", api.ModelRequest{Model: model}, "/v1/models/acme/fraud", ""},
		{"GET /v1/models/{t}/{m}/versions/{ref}", api.VersionRequest{Model: model, Ref: reference(t, "^1.2")}, "/v1/models/acme/fraud/versions/%5E1.2", ""},
		{"GET /v1/models/{t}/{m}/versions/{ref}/files/{path...}", api.FileRequest{Model: model, Path: "a b/ü?.bin"}, "/v1/models/acme/fraud/versions/latest/files/a%20b/%C3%BC%3F.bin", ""},
		{"GET /v1/models/{t}/{m}/compare/{range}", api.CompareRequest{Model: model, Range: api.ComparedVersions{B: reference(t, "1.0.0")}}, "/v1/models/acme/fraud/compare/latest...1.0.0", ""},
		{"GET /v1/uploads", api.ListUploadsRequest{
			Request: page.Request{Size: 5, After: "t/="}, Status: []api.UploadStatus{api.UploadOpen, api.UploadReady},
		}, "/v1/uploads?page_size=5&page_token=t%2F%3D&status=open&status=ready", ""},
		{"GET /v1/usage", api.UsageRequest{From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), GroupBy: api.ByDay}, "/v1/usage?from=2026-11-01T00%3A00%3A00Z&group_by=day", ""},
		{"GET /v1/models/{t}/{m}/stats", api.StatsRequest{Model: model, Window: api.StatsWindow(90 * time.Minute)}, "/v1/models/acme/fraud/stats?window=1h30m0s", ""},
		{"DELETE /v1/models/{t}/{m}", api.DeleteModelRequest{Model: model, Force: true}, "/v1/models/acme/fraud?force=true", ""},
		{"PATCH /v1/models/{t}/{m}", api.UpdateModelRequest{Model: model, IfMatch: `"a"`, Description: new(api.Description(""))}, "/v1/models/acme/fraud", `{"description":""}`},
		{"POST /v1/auth/login", api.LoginRequest{Email: new(api.Email("ana@example.com")), Password: "correct horse"}, "/v1/auth/login", `{"email":"ana@example.com","password":"correct horse"}`},
		{"POST /v1/models/{t}/{m}/versions/{v}/publish", api.PublishRequest{Model: model, Version: ref.Version{}.Next(ref.BumpMajor)}, "/v1/models/acme/fraud/versions/1.0.0/publish", `{}`},
	} {
		e, err := encode(test.route, test.in)
		if err != nil || e.path != test.want || string(e.body) != test.body {
			t.Errorf("%s: %s %s, %v; want %s %s", test.route, e.path, e.body, err, test.want, test.body)
		}
	}
}

func reference(t *testing.T, text string) ref.Selector {
	t.Helper()
	s, err := ref.ParseSelector(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHeadersCarryTheirFields(t *testing.T) {
	t.Parallel()
	e, err := encode("POST /v1/uploads/{id}/complete", api.CompleteRequest{Prefer: api.Preference{Wait: 30 * time.Second}})
	if err != nil || e.header.Get("Prefer") != "wait=30" {
		t.Errorf("%v, %v", e.header, err)
	}
}
