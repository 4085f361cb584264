package function

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/functiontest"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const path = "/v1/models"

func start(t *testing.T) (*catalogtest.World, *functiontest.Function) {
	t.Helper()
	w := catalogtest.New(t)
	return w, functiontest.Start(t, "models", New(), w.Vars)
}

func TestAModelIsMadeReadChangedListedAndDeleted(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	token := w.Token(w.Owner)
	var m api.Model
	f.Must(functiontest.Request{
		Method: http.MethodPost, Path: path, Token: token,
		Body: `{"name":"fraud","description":"finds fraud","framework":"pytorch","tags":["risk"],"metadata":{"rows":1},"license":"MIT"}`,
	}, http.StatusCreated, &m)
	read := f.Must(functiontest.Request{Method: http.MethodGet, Path: path + "/acme/fraud", Token: token}, http.StatusOK, &m)
	if m.Model.String() != "acme/fraud" || m.Visibility != "tenant" || !strings.Contains(string(read.Body), `"latest":null`) {
		t.Errorf("read %s", read.Body)
	}
	tag := read.Header.Get("ETag")
	f.Must(functiontest.Request{
		Method: http.MethodPatch, Path: path + "/acme/fraud", Token: token, Body: `{"tags":["cards"]}`, Header: map[string]string{"If-Match": tag},
	}, http.StatusOK, &m)
	f.Do(functiontest.Request{
		Method: http.MethodPatch, Path: path + "/acme/fraud", Token: token, Body: `{"tags":[]}`, Header: map[string]string{"If-Match": tag},
	}).AssertProblem(t, fault.PreconditionFailed, "If-Match")
	var found api.Models
	f.Must(functiontest.Request{Method: http.MethodGet, Path: path + "?q=frud&tag=cards", Token: token}, http.StatusOK, &found)
	if len(found.Items) != 1 || found.Items[0].Tags[0] != "cards" || found.Facets.Tags["cards"] != 1 {
		t.Errorf("found %+v", found)
	}
	f.Must(functiontest.Request{Method: http.MethodDelete, Path: path + "/acme/fraud", Token: token}, http.StatusNoContent, nil)
	f.Do(functiontest.Request{Method: http.MethodGet, Path: path + "/acme/fraud", Token: token}).AssertProblem(t, fault.NotFound, "model")
}

func TestACreationRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	w.Model("taken")
	good := functiontest.Request{Method: http.MethodPost, Path: path, Token: w.Token(w.Owner), Body: `{"name":"fraud"}`}
	f.AssertNeedsCredential(t, good)
	f.AssertRefuses(t, good, map[string]functiontest.Refusal{
		"missing field":   {Body: `{}`, Kind: fault.Invalid, Fields: []string{"name"}},
		"unknown field":   {Body: `{"name":"fraud","title":"x"}`, Kind: fault.Invalid, Fields: []string{"title"}},
		"wrong type":      {Body: `{"name":5}`, Kind: fault.Invalid, Fields: []string{"name"}},
		"bad name":        {Body: `{"name":"Fraud!"}`, Kind: fault.Invalid, Fields: []string{"name"}},
		"whole name":      {Body: `{"name":"acme/fraud"}`, Kind: fault.Invalid, Fields: []string{"name"}},
		"long name":       {Body: `{"name":"` + strings.Repeat("x", 64) + `"}`, Kind: fault.Invalid, Fields: []string{"name"}},
		"bad tag":         {Body: `{"name":"fraud","tags":["a b"]}`, Kind: fault.Invalid, Fields: []string{"tags"}},
		"bad metadata":    {Body: `{"name":"fraud","metadata":{"a":"\u0000"}}`, Kind: fault.Invalid, Fields: []string{"metadata"}},
		"two bad fields":  {Body: `{"name":"A","license":"a\nb"}`, Kind: fault.Invalid, Fields: []string{"name", "license"}},
		"no JSON":         {Body: `{"name":`, Kind: fault.Invalid},
		"too large":       {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
		"taken":           {Body: `{"name":"taken"}`, Kind: fault.Conflict, Fields: []string{"name"}},
		"unknown query":   {Path: path + "?dry=1", Kind: fault.Invalid, Fields: []string{"dry"}},
		"a viewer":        {Token: w.Token(w.Member(w.Owner, api.Viewer)), Kind: fault.Forbidden},
		"a limited scope": {Token: w.APIKey(w.Owner, "model:read"), Kind: fault.Forbidden},
	})
}

func TestAListRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	good := functiontest.Request{Method: http.MethodGet, Path: path, Token: w.Token(w.Owner)}
	f.AssertNeedsCredential(t, good)
	f.AssertRefuses(t, good, map[string]functiontest.Refusal{
		"page of none":      {Path: path + "?page_size=0", Kind: fault.Invalid, Fields: []string{"page_size"}},
		"large page":        {Path: path + "?page_size=201", Kind: fault.Invalid, Fields: []string{"page_size"}},
		"forged token":      {Path: path + "?page_token=eHh4", Kind: fault.Invalid, Fields: []string{"page_token"}},
		"unknown order":     {Path: path + "?order=size", Kind: fault.Invalid, Fields: []string{"order"}},
		"relevance to what": {Path: path + "?order=relevance", Kind: fault.Invalid, Fields: []string{"order"}},
		"empty query":       {Path: path + "?q=", Kind: fault.Invalid, Fields: []string{"q"}},
		"bad tag":           {Path: path + "?tag=a%20b", Kind: fault.Invalid, Fields: []string{"tag"}},
	})
}

func TestAModelRouteRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	w.Model("fraud")
	w.Ready(w.Model("served"), "1.0.0")
	rival := w.Token(w.Other())
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
		good := functiontest.Request{Method: method, Path: path + "/acme/fraud", Token: w.Token(w.Owner)}
		f.AssertNeedsCredential(t, good)
		f.AssertRefuses(t, good, map[string]functiontest.Refusal{
			method + " no model":       {Path: path + "/acme/none", Kind: fault.NotFound, Fields: []string{"model"}},
			method + " bad name":       {Path: path + "/acme/NONE", Kind: fault.Invalid, Fields: []string{"t/m"}},
			method + " another tenant": {Token: rival, Kind: fault.NotFound, Fields: []string{"model"}},
		})
	}
	f.Do(functiontest.Request{Method: http.MethodDelete, Path: path + "/acme/served", Token: w.Token(w.Owner)}).AssertProblem(t, fault.Conflict, "force")
}

func TestTheCachesAreCounted(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	var stats api.CacheStats
	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v1/cache/stats", Token: w.Token(w.Owner)}, http.StatusOK, &stats)
	if len(stats.Levels) != 2 || stats.Redis != "none" || stats.Scope != "process" || stats.Since.IsZero() {
		t.Errorf("%+v", stats)
	}
	f.AssertNeedsCredential(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/cache/stats"})
}

// client speaks one of the three protocols with the function.
func client(f *functiontest.Function, token string, options ...connect.ClientOption) maasv1connect.ModelServiceClient {
	authorize := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, in connect.AnyRequest) (connect.AnyResponse, error) {
			in.Header().Set("Authorization", "Bearer "+token)
			return next(ctx, in)
		}
	})
	return maasv1connect.NewModelServiceClient(f.Client, f.URL, append(options, connect.WithInterceptors(authorize))...)
}

func TestTheDocumentIsThereForAnyone(t *testing.T) {
	t.Parallel()
	_, f := start(t)
	var document struct{ OpenAPI string }
	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/openapi.json"}, http.StatusOK, &document)
	if document.OpenAPI != "3.1.0" {
		t.Errorf("version %q", document.OpenAPI)
	}
}

func TestModelServiceSpeaksConnectAndGRPCWeb(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]connect.ClientOption{"connect": nil, "grpc-web": {connect.WithGRPCWeb()}, "json": {connect.WithProtoJSON()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, f := start(t)
			c, ctx := client(f, w.Token(w.Owner), options...), t.Context()
			made, err := c.CreateModel(ctx, connect.NewRequest(&maasv1.CreateModelRequest{Name: "fraud", Tags: []string{"b", "a"}}))
			if err != nil {
				t.Fatal(err)
			}
			made.Msg.Description = "new"
			changed, err := c.UpdateModel(ctx, connect.NewRequest(&maasv1.UpdateModelRequest{
				Model: made.Msg, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"description"}},
			}))
			if err != nil || changed.Msg.GetDescription() != "new" || changed.Msg.GetTags()[0] != "a" {
				t.Errorf("%v, %v", changed, err)
			}
			list, err := c.ListModels(ctx, connect.NewRequest(&maasv1.ListModelsRequest{PageSize: 1}))
			if err != nil || len(list.Msg.GetModels()) != 1 || list.Msg.GetNextPageToken() != "" {
				t.Errorf("%v, %v", list, err)
			}
			if _, err := c.DeleteModel(ctx, connect.NewRequest(&maasv1.DeleteModelRequest{Model: "acme/fraud"})); err != nil {
				t.Error(err)
			}
			_, err = c.GetModel(ctx, connect.NewRequest(&maasv1.GetModelRequest{Model: "acme/fraud"}))
			if connect.CodeOf(err) != connect.CodeNotFound {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestVersionsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	m := w.Model("fraud")
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		w.Draft(m, version)
	}
	c := client(f, w.Token(w.Owner))
	var got []string
	in := &maasv1.ListVersionsRequest{Model: "acme/fraud", Status: "draft", PageSize: 2}
	for range 2 {
		list, err := c.ListVersions(t.Context(), connect.NewRequest(in))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Msg.GetVersions() {
			got = append(got, v.GetVersion())
		}
		in.PageToken = list.Msg.GetNextPageToken()
	}
	if strings.Join(got, " ") != "1.2.0 1.1.0 1.0.0" || in.GetPageToken() != "" {
		t.Errorf("listed %v, then %q", got, in.GetPageToken())
	}
}

func TestModelServiceRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	w.Model("fraud")
	c, ctx := client(f, w.Token(w.Owner)), t.Context()
	for name, call := range map[string]func() error{
		"bad model": func() error {
			_, err := c.GetModel(ctx, connect.NewRequest(&maasv1.GetModelRequest{Model: "fraud"}))
			return err
		},
		"bad name": func() error {
			_, err := c.CreateModel(ctx, connect.NewRequest(&maasv1.CreateModelRequest{Name: "A"}))
			return err
		},
		"large page": func() error {
			_, err := c.ListModels(ctx, connect.NewRequest(&maasv1.ListModelsRequest{PageSize: 201}))
			return err
		},
		"made-up cursor": func() error {
			_, err := c.ListModels(ctx, connect.NewRequest(&maasv1.ListModelsRequest{PageToken: "eHggeHg", Order: "created"}))
			return err
		},
		"cursor of noise": func() error {
			_, err := c.ListVersions(ctx, connect.NewRequest(&maasv1.ListVersionsRequest{Model: "acme/fraud", PageToken: "!"}))
			return err
		},
		"bad mask": func() error {
			_, err := c.UpdateModel(ctx, connect.NewRequest(&maasv1.UpdateModelRequest{
				Model: &maasv1.Model{Model: "acme/fraud"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}},
			}))
			return err
		},
		"bad reference": func() error {
			_, err := c.GetVersion(ctx, connect.NewRequest(&maasv1.GetVersionRequest{Model: "acme/fraud", Ref: "!"}))
			return err
		},
	} {
		if err := call(); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := client(f, "").GetModel(ctx, connect.NewRequest(&maasv1.GetModelRequest{Model: "acme/fraud"}))
	if connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("without a credential: %v", err)
	}
}

func TestNobodyButTheGatewayResolves(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	w.Published(w.Model("fraud"), "1.4.0")
	for name, token := range map[string]string{"an owner": w.Token(w.Owner), "a viewer": w.Token(w.Member(w.Owner, api.Viewer)), "nobody": ""} {
		in := connect.NewRequest(&maasv1.ResolveRequest{Model: "acme/fraud", Ref: "1.4.0"})
		_, err := client(f, token).Resolve(t.Context(), in)
		if code := connect.CodeOf(err); code != connect.CodePermissionDenied && code != connect.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.AssertWrote(event.DeploymentWanted{}, 0)
}

func TestTheGatewayResolvesForATenant(t *testing.T) {
	t.Parallel()
	w, f := start(t)
	id := w.Ready(w.Model("fraud"), "1.4.0")
	gateway, err := auth.OpenGateway(w.Env)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(tenant uuid.UUID) (*connect.Response[maasv1.ResolveResponse], error) {
		in := connect.NewRequest(&maasv1.ResolveRequest{Model: "acme/fraud", Ref: "^1"})
		gateway.Sign(in.Header(), maasv1connect.ModelServiceResolveProcedure, tenant, w.Owner.TenantName)
		return maasv1connect.NewModelServiceClient(f.Client, f.URL).Resolve(t.Context(), in)
	}
	r, err := ask(w.Owner.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	if r.Msg.GetVersion() != "1.4.0" || r.Msg.GetEndpoint() != catalogtest.Endpoint(id) || r.Msg.GetTraffic()[0].GetWeight() != 100 || r.Msg.GetEpoch() == 0 {
		t.Errorf("%v", r.Msg)
	}
	if _, err := ask(uuid.New()); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("for a tenant of nobody: %v", err)
	}
}
