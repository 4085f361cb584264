package function

import (
	"context"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const path = "/v1/api-keys"

func TestAKeyIsMadeShownOnceListedUsedAndDeleted(t *testing.T) {
	t.Parallel()
	w := catalogtest.New(t)
	w.Model("fraud")
	f := functiontest.Start(t, "api-keys", New(), w.Vars)
	token := w.Token(w.Owner)
	var made api.Key
	f.Must(functiontest.Request{
		Method: http.MethodPost, Path: path, Token: token, Body: `{"name":"ci","scopes":["key:read"],"models":["acme/fraud","acme/fraud-*"]}`,
	}, http.StatusCreated, &made)
	if made.Secret == "" || made.Name != "ci" || len(made.Models) != 2 || made.Bindings[0].ID == nil || made.Bindings[1].ID != nil {
		t.Errorf("answer is %+v", made)
	}
	var list page.Page[api.Key]
	f.Must(functiontest.Request{Method: http.MethodGet, Path: path, Token: made.Secret}, http.StatusOK, &list)
	if len(list.Items) != 1 || list.Items[0].ID != made.ID || list.Items[0].Secret != "" || list.Items[0].Models[0].String() != "acme/fraud" {
		t.Errorf("list is %+v", list)
	}
	f.Must(functiontest.Request{Method: http.MethodDelete, Path: path + "/" + made.ID, Token: token}, http.StatusNoContent, nil)
	f.Do(functiontest.Request{Method: http.MethodGet, Path: path, Token: made.Secret}).AssertProblem(t, fault.Unauthenticated)
}

func TestKeysAreListedInPages(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "api-keys", New(), w.Vars)
	for range 3 {
		w.APIKey(w.Owner, "model:read")
	}
	seen := map[string]bool{}
	token := ""
	for range 2 {
		var list page.Page[api.Key]
		f.Must(functiontest.Request{
			Method: http.MethodGet, Path: path + "?page_size=2&page_token=" + token, Token: w.Token(w.Owner),
		}, http.StatusOK, &list)
		for _, key := range list.Items {
			seen[key.ID] = true
		}
		token = list.Next
	}
	if len(seen) != 3 || token != "" {
		t.Errorf("two pages of two have %d of 3 keys; the next is %q", len(seen), token)
	}
}

func TestKeysRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "api-keys", New(), w.Vars)
	good := functiontest.Request{Method: http.MethodPost, Path: path, Token: w.Token(w.Owner), Body: `{"name":"ci","scopes":["model:read"]}`}
	f.AssertNeedsCredential(t, good)
	f.AssertRefuses(t, good, map[string]functiontest.Refusal{
		"missing fields":  {Body: "{}", Kind: fault.Invalid, Fields: []string{"name", "scopes"}},
		"unknown field":   {Body: `{"names":"x"}`, Kind: fault.Invalid, Fields: []string{"names"}},
		"wrong type":      {Body: `{"name":"x","scopes":"model:read"}`, Kind: fault.Invalid, Fields: []string{"scopes"}},
		"oversize":        {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
		"no name":         {Body: `{"name":"","scopes":["model:read"]}`, Kind: fault.Invalid, Fields: []string{"name"}},
		"no scopes":       {Body: `{"name":"x","scopes":[]}`, Kind: fault.Invalid, Fields: []string{"scopes"}},
		"a bad scope":     {Body: `{"name":"x","scopes":["model"]}`, Kind: fault.Invalid, Fields: []string{"scopes[0]"}},
		"a typing error":  {Body: `{"name":"x","scopes":["model:read","models:read"]}`, Kind: fault.Invalid, Fields: []string{"scopes[1]"}},
		"no models":       {Body: `{"name":"x","scopes":["model:read"],"models":[]}`, Kind: fault.Invalid, Fields: []string{"models"}},
		"a foreign model": {Body: `{"name":"x","scopes":["model:read"],"models":["rival/x"]}`, Kind: fault.Invalid, Fields: []string{"models"}},
		"an absent model": {Body: `{"name":"x","scopes":["model:read"],"models":["acme/absent"]}`, Kind: fault.Unprocessable, Fields: []string{"models"}},
		"a bad pattern":   {Body: `{"name":"x","scopes":["model:read"],"models":["acme/*-eu"]}`, Kind: fault.Invalid, Fields: []string{"models[0]"}},
		"the past": {
			Body: `{"name":"x","scopes":["model:read"],"expires_at":"2020-01-01T00:00:00Z"}`, Kind: fault.Invalid, Fields: []string{"expires_at"},
		},
		"a developer": {Token: w.Token(w.Member(w.Owner, api.Developer)), Kind: fault.Forbidden},
		"a key":       {Token: w.APIKey(w.Owner, "*:*"), Kind: fault.Forbidden},
	})
	rival := w.APIKey(w.Tenant("rival"), "model:read")
	parsed, err := auth.ParseAPIKey(rival)
	if err != nil {
		t.Fatal(err)
	}
	f.AssertRefuses(t, functiontest.Request{Method: http.MethodDelete, Path: path + "/unknown", Token: w.Token(w.Owner)},
		map[string]functiontest.Refusal{
			"delete an unknown key":      {Kind: fault.NotFound},
			"delete another tenant's":    {Path: path + "/" + parsed.ID, Kind: fault.NotFound},
			"delete as a viewer of keys": {Token: w.Token(w.Member(w.Owner, api.Viewer)), Kind: fault.Forbidden},
		})
	f.AssertRefuses(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: w.Token(w.Owner)}, map[string]functiontest.Refusal{
		"a page too large":    {Path: path + "?page_size=201", Kind: fault.Invalid, Fields: []string{"page_size"}},
		"a forged page token": {Path: path + "?page_token=x", Kind: fault.Invalid, Fields: []string{"page_token"}},
		"an unknown filter":   {Path: path + "?name=x", Kind: fault.Invalid, Fields: []string{"name"}},
	})
}

func TestTheGatewayVerifiesKeysAndAsksForRevocations(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "api-keys", New(), w.Vars)
	client := maasv1connect.NewIdentityServiceClient(f.Client, f.URL, connect.WithInterceptors(signed(t, w)))
	key, err := auth.ParseAPIKey(w.APIKey(w.Owner, "inference:execute"))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := auth.OpenKeyHash(w.Env)
	if err != nil {
		t.Fatal(err)
	}
	good := &maasv1.VerifyKeyRequest{Id: key.ID, Hash: hash.Of(key)}
	answer, err := client.VerifyKey(t.Context(), connect.NewRequest(good))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Msg.GetTenant() != "acme" || answer.Msg.GetScopes()[0] != "inference:execute" || answer.Msg.GetUserId() != w.Owner.User.String() {
		t.Errorf("answer is %v", answer.Msg)
	}
	f.Must(functiontest.Request{Method: http.MethodDelete, Path: path + "/" + key.ID, Token: w.Token(w.Owner)}, http.StatusNoContent, nil)
	list, err := client.Revocations(t.Context(), connect.NewRequest(&maasv1.RevocationsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	if got := list.Msg.GetRevocations(); len(got) != 1 || got[0].GetId() != key.ID || got[0].GetKind() != maasv1.Revocation_KIND_KEY {
		t.Errorf("revocations are %v", got)
	}
	if _, err := client.VerifyKey(t.Context(), connect.NewRequest(good)); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("a deleted key is answered with %v", err)
	}
}

func TestNobodyButTheGatewayVerifiesKeys(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "api-keys", New(), w.Vars)
	client := maasv1connect.NewIdentityServiceClient(f.Client, f.URL)
	for name, token := range map[string]string{"nobody": "", "an owner": w.Token(w.Owner), "a key": w.APIKey(w.Owner, "*:*")} {
		request := connect.NewRequest(&maasv1.RevocationsRequest{})
		if token != "" {
			request.Header().Set("Authorization", "Bearer "+token)
		}
		_, err := client.Revocations(t.Context(), request)
		if code := connect.CodeOf(err); code != connect.CodePermissionDenied {
			t.Errorf("%s is answered with %v", name, err)
		}
	}
}

// signed puts the gateway's credential on each call.
func signed(t *testing.T, w *identitytest.World) connect.UnaryInterceptorFunc {
	t.Helper()
	gateway, err := auth.OpenGateway(w.Env)
	if err != nil {
		t.Fatal(err)
	}
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			gateway.Sign(request.Header(), request.Spec().Procedure, uuid.Nil, "")
			return next(ctx, request)
		}
	}
}
