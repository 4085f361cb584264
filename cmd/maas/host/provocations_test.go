package host_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"

	infer "github.com/17882237881/MaaS/functions/infer"
	uploadchunk "github.com/17882237881/MaaS/functions/upload-chunk"
)

// kinds is what provokes each kind of error of a route.
type kinds = map[fault.Kind]provocation

// provocations are those that site.usual does not know, by the patterns of their routes.
func (s *site) provocations() map[string]kinds {
	all := map[string]kinds{}
	maps.Copy(all, s.identityProvocations())
	maps.Copy(all, s.catalogProvocations())
	maps.Copy(all, s.versionProvocations())
	maps.Copy(all, s.transferProvocations())
	maps.Copy(all, s.inferenceProvocations())
	return all
}

func (s *site) identityProvocations() map[string]kinds {
	const login = `{"email":"ana@example.com","password":"` + identitytest.Password + `"`
	const registration = `{"email":"x@example.com","password":"another correct horse","tenant":"x"}`
	throttled := s.Member(s.Owner, api.Viewer)
	wrong := func(email string) string { return `{"email":"` + email + `","password":"wrong"}` }
	email := s.email(throttled.User)
	s.Do(functiontest.Request{Method: "POST", Path: "/v1/auth/login", Body: wrong(email)}).AssertProblem(s.t, fault.Unauthenticated)
	s.exec(`update throttles set until = now() + interval '1 hour' where kind = 'account'`)
	return map[string]kinds{
		"POST /v1/auth/register": {
			fault.Conflict:      {body: strings.Replace(registration, `"tenant":"x"`, `"tenant":"acme"`, 1)},
			fault.Unprocessable: {first: registration, body: strings.Replace(registration, "another", "a different", 1)},
			fault.RateLimited:   {body: registration, before: func() { s.exec(`update throttles set count = 1000 where kind = 'register'`) }},
		},
		"POST /v1/auth/login": {
			fault.Unauthenticated: {body: wrong("ana@example.com")},
			fault.NotFound:        {body: login + `,"tenant":"nowhere"}`},
			fault.RateLimited:     {body: wrong(email)},
		},
		"POST /v1/auth/refresh": {fault.Unauthenticated: {body: `{"refresh_token":"none"}`}},
		"PUT /v1/auth/password": {
			fault.Forbidden:   {token: s.APIKey(s.Owner, "model:read")},
			fault.RateLimited: {token: s.Token(throttled)},
		},
		"POST /v1/api-keys": {fault.Unprocessable: {body: `{"name":"x","scopes":["model:read"],"models":["acme/absent"]}`}},
	}
}

func (s *site) catalogProvocations() map[string]kinds {
	changed := map[string]string{"If-Match": `"other"`}
	return map[string]kinds{
		"POST /v1/models": {
			fault.Conflict:      {body: `{"name":"fraud"}`},
			fault.Unprocessable: {first: `{"name":"a"}`, body: `{"name":"b"}`},
		},
		"PUT /v1/policy": {
			fault.PreconditionFailed: {body: `{"formats":{}}`, header: changed},
			fault.Unprocessable:      {body: `{"formats":{"code":"allow"}}`},
		},
		"PATCH /v1/models/{t}/{m}": {fault.PreconditionFailed: {body: `{"description":"x"}`, header: changed}},
		"DELETE /v1/models/{t}/{m}": {
			fault.Conflict:           {},
			fault.PreconditionFailed: {header: changed},
		},
		"POST /maas.v1.ModelService/CreateModel": {fault.Conflict: {body: `{"name":"fraud"}`}},
		"POST /maas.v1.ModelService/UpdateModel": {fault.PreconditionFailed: {body: `{"model":{"model":"acme/fraud","description":"x","etag":"other"},"updateMask":"description"}`}},
		"POST /maas.v1.ModelService/DeleteModel": {
			fault.Conflict:           {},
			fault.PreconditionFailed: {body: `{"model":"acme/fraud","etag":"other"}`},
		},
		"POST /maas.v1.ModelService/GetVersion": {
			fault.Gone: {body: `{"model":"acme/fraud","ref":"1.2.0"}`},
		},
	}
}

func (s *site) versionProvocations() map[string]kinds {
	const version, alias = "/v1/models/{t}/{m}/versions/{v}", "/v1/models/{t}/{m}/aliases/{alias}"
	const reference = "GET /v1/models/{t}/{m}/versions/{ref}"
	s.many()
	changed := map[string]string{"If-Match": `"other"`}
	soon := map[string]string{untilOver: "1100"} // catalog leaves a second of the deadline for the answer
	retired, draft := []string{"{ref}", "1.2.0", "{v}", "1.2.0"}, []string{"{v}", "2.0.0"}
	noName := provocation{in: []string{"{alias}", "V1"}}
	const deprecation, another = `{"reason":"old","sunset":"2100-01-01T00:00:00Z"}`, `{"reason":"other","sunset":"2100-01-01T00:00:00Z"}`
	return map[string]kinds{
		reference:               {fault.Gone: {in: retired}, fault.Unprocessable: {in: []string{"{m}", "many", "{ref}", "^2"}}},
		reference + "/manifest": {fault.Gone: {in: retired}},
		reference + "/files/{path...}": {
			fault.Gone:               {in: retired},
			fault.PreconditionFailed: {in: []string{"{ref}", "2.1.0", "{path...}", "model.onnx"}, header: changed},
			fault.Unsatisfiable:      {in: []string{"{ref}", "2.1.0", "{path...}", "model.onnx"}, header: map[string]string{"Range": "bytes=1000-"}},
		},
		"PUT " + alias: {
			fault.Conflict:           {body: `{"version":"9.9.9"}`},
			fault.PreconditionFailed: {header: changed},
			fault.Unprocessable:      noName,
			fault.Unavailable:        {body: `{"version":"1.3.0"}`, header: soon},
		},
		"GET " + alias + "/history": {fault.Unprocessable: noName},
		"POST " + alias + "/rollback": {
			fault.Conflict:           {in: []string{"{alias}", "staging"}},
			fault.PreconditionFailed: {header: changed},
			fault.Unprocessable:      noName,
			fault.Unavailable:        {in: []string{"{alias}", "canary"}, header: soon},
		},
		"PATCH " + version: {
			fault.Conflict:           {body: `{"changelog":"x"}`},
			fault.PreconditionFailed: {in: draft, body: `{"changelog":"x"}`, header: changed},
		},
		"POST " + version + "/deprecate": {
			fault.Conflict:           {in: draft},
			fault.Gone:               {in: retired},
			fault.PreconditionFailed: {header: changed},
			fault.Unprocessable:      {in: []string{"{v}", "1.5.0"}, first: deprecation, body: another},
		},
		"POST " + version + "/retire": {
			fault.Conflict:           {in: draft},
			fault.Gone:               {in: retired},
			fault.PreconditionFailed: {header: changed},
			fault.Unprocessable:      {in: []string{"{v}", "1.6.0"}, first: `{"reason":"old"}`, body: `{"reason":"other"}`},
		},
		"POST " + version + "/publish": {
			fault.Conflict:      {in: retired},
			fault.Unprocessable: {in: draft},
		},
	}
}

// many makes acme/many, which has more versions than a range is looked for in.
func (s *site) many() {
	s.t.Helper()
	s.Ready(s.Model("many"), "1.0.0")
	s.exec(`set local session_replication_role = replica; -- without the triggers of each row
		create temporary table more on commit drop as
			select v.*, n from versions v join models m on m.id = v.model_id and m.name = 'many', generate_series(1, 20000) n;
		update more set id = gen_random_uuid(), version = '1.0.' || n, patch = n;
		alter table more drop column n;
		insert into versions select * from more`)
}

func (s *site) transferProvocations() map[string]kinds {
	const (
		digestOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
		digestOfY = "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"
		chunks    = `{"chunks":["` + digestOfX + `"]}`
	)
	stored, whole, done := s.upload("3.1.0"), s.upload("3.2.0"), s.upload("3.3.0")
	sent := map[string]string{"X-Chunk-SHA256": digestOfX}
	for _, id := range []string{stored, whole, done} {
		s.Must(functiontest.Request{Method: "PUT", Path: "/v1/uploads/" + id + "/chunks/0", Body: "x", Token: s.token, Header: sent}, http.StatusOK, nil)
	}
	s.ok("POST", "/v1/uploads/"+done+"/complete", chunks, http.StatusAccepted)
	s.hold(functiontest.Request{Method: "GET", Path: "/v1/events"}, nil)
	away := maps.Clone(s.vars)
	away["S3_ENDPOINT"] = "http://127.0.0.1:1"
	const begin = `{"model":"acme/fraud","version":"4.0.0","filename":"a.onnx","size":1}`
	rival := s.Tenant("rival")
	return map[string]kinds{
		"POST /v1/uploads": {
			fault.QuotaExceeded: {body: strings.Replace(begin, "acme", "rival", 1), token: s.full(rival)},
			fault.Conflict:      {body: strings.Replace(begin, "4.0.0", "1.0.0", 1)},
			fault.Unprocessable: {body: strings.Replace(begin, `"size"`, `"mode":"direct","size"`, 1)},
		},
		"PUT /v1/uploads/{id}/chunks/{n}": {
			fault.Conflict:      {in: []string{"{id}", stored}, body: "y", header: map[string]string{"X-Chunk-SHA256": digestOfY}},
			fault.Unprocessable: {body: "y", header: sent},
			fault.Unavailable:   {at: functiontest.Start(s.t, "upload-chunk", uploadchunk.New(), away)},
		},
		"DELETE /v1/uploads/{id}": {
			fault.Conflict:           {in: []string{"{id}", done}},
			fault.PreconditionFailed: {header: map[string]string{"If-Match": `"7.7"`}},
		},
		"GET /v1/uploads/{id}/events": {
			fault.NotFound:    {about: &nothing, token: s.Token(s.Member(s.Owner, api.Developer))},
			fault.RateLimited: {},
		},
		"GET /v1/events": {fault.RateLimited: {}},
		"POST /v1/uploads/{id}/complete": {
			fault.Conflict:      {},
			fault.Unprocessable: {in: []string{"{id}", whole}, first: chunks, body: strings.Replace(chunks, digestOfX, digestOfY, 1)},
		},
	}
}

func (s *site) inferenceProvocations() map[string]kinds {
	const version, service = "/v2/models/{t}/{m}/versions/{ref}", "POST /inference.GRPCInferenceService/"
	s.hold(functiontest.Request{Method: "POST", Path: "/v2/models/acme/echo/infer", Body: held}, s.called.Load)
	retired := []string{"{ref}", "1.2.0"}
	away := maps.Clone(s.vars)
	away["MAAS_REGISTRY_URL"], away["MAAS_IDENTITY_URL"] = "http://127.0.0.1:1", "http://127.0.0.1:1"
	call := func(model, version string) string {
		return `{"modelName":"acme/` + model + `","modelVersion":"` + version + `","inputs":[{"name":"x","shape":[1],"datatype":"FP32","contents":{"fp32Contents":[1]}}]}`
	}
	named := func(model, version string) string { return `{"name":"acme/` + model + `","version":"` + version + `"}` }
	all := map[string]kinds{
		"GET /v2/health/ready": {fault.Unavailable: {at: functiontest.Start(s.t, "infer", infer.New(), away)}},
		"GET " + version:       {fault.Gone: {in: retired}},
		service + "ModelInfer": {
			fault.Gone:          {body: call("fraud", "1.2.0")},
			fault.Unprocessable: {body: call("picky", "1.0.0")},
			fault.TooLarge:      {body: strings.Replace(call("echo", ""), `"shape":[1]`, `"shape":[`+strings.Repeat("1,", 20_000)+`1]`, 1)},
			fault.RateLimited:   {body: call("echo", ""), header: map[string]string{"Connect-Timeout-Ms": "1500"}},
			fault.Unavailable:   {body: call("fraud", "1.0.0")},
		},
		service + "ModelMetadata": {fault.Gone: {body: named("fraud", "1.2.0")}},
		service + "ModelReady":    {fault.Gone: {body: named("fraud", "1.2.0")}},
	}
	for _, model := range []string{"/v2/models/{t}/{m}", version} {
		all["GET "+model+"/ready"] = kinds{fault.Unavailable: {in: []string{"{m}", "broken"}}}
		all["POST "+model+"/infer"] = kinds{
			fault.TooLarge:      {body: `{"id":"` + strings.Repeat("x", 70_000) + `"}`},
			fault.Unprocessable: {in: []string{"{m}", "picky"}},
			fault.RateLimited:   {in: []string{"{m}", "echo"}, header: map[string]string{"X-Request-Timeout": "1500"}},
			fault.Unavailable:   {header: map[string]string{"X-Request-Timeout": "1500"}},
		}
	}
	all["GET "+version+"/ready"][fault.Gone] = provocation{in: retired}
	all["POST "+version+"/infer"][fault.Gone] = provocation{in: retired}
	return all
}

// full returns the token of a tenant's owner whose uploads are as many as may be open.
func (s *site) full(who auth.Principal) string {
	s.t.Helper()
	token := s.Token(who)
	begin := func(path, body string) {
		s.Must(functiontest.Request{Method: "POST", Path: path, Body: body, Token: token}, http.StatusCreated, nil)
	}
	begin("/v1/models", `{"name":"fraud"}`)
	for n := range maxUploads {
		begin("/v1/uploads", fmt.Sprintf(`{"model":"rival/fraud","version":"1.0.%d","filename":"a.onnx","size":1}`, n))
	}
	return token
}

// email returns a user's address.
func (s *site) email(user uuid.UUID) (email string) {
	s.t.Helper()
	s.Postgres.Owner(s.t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `select email from users where id = $1`, user).Scan(&email)
	})
	return email
}
