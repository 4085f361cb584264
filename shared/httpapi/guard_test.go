package httpapi

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/authtest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
	"github.com/17882237881/MaaS/shared/share"
)

// newGuarded has a route that needs model:read and one that is public; the caller that they saw goes into seen.
func newGuarded(t *testing.T) (a *testAPI, seen *auth.Principal) {
	t.Helper()
	a, seen = newAPI(t), &auth.Principal{}
	use := func(_ context.Context, who auth.Principal, _ struct{}) (struct{}, error) {
		*seen = who
		return struct{}{}, nil
	}
	Handle(a.Mux, "GET /public", use)
	Handle(a.Mux, "GET /things", use)
	return a, seen
}

func TestCredentialsAreCheckedBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	key := auth.NewAPIKey().String()
	cases := map[string]struct {
		authorization, apiKey string
		kind                  string
	}{
		"none":               {"", "", "unauthenticated"},
		"basic":              {"Basic YTpi", "", "unauthenticated"},
		"nothing after":      {"Bearer ", "", "unauthenticated"},
		"no token":           {"Bearer abc", "", "unauthenticated"},
		"malformed key":      {"Bearer maas_1_2", "", "unauthenticated"},
		"unknown key":        {"Bearer " + key, "", "unauthenticated"},
		"token as a key":     {"", "abc", "unauthenticated"},
		"two that differ":    {"Bearer abc", key, "invalid"},
		"gateway on another": {"MaaS-Gateway a/b/1/c", "", "unauthenticated"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newGuarded(t)
			a.call(http.MethodGet, "/things?unknown=1", "", "Authorization", c.authorization, "X-API-Key", c.apiKey).problem(c.kind)
		})
	}
}

func TestTheChallengeSaysWhetherACredentialWasWrong(t *testing.T) {
	t.Parallel()
	a, _ := newGuarded(t)
	for authorization, want := range map[string]string{"": `Bearer realm="maas"`, "Bearer x": `Bearer realm="maas", error="invalid_token"`} {
		if got := a.call(http.MethodGet, "/things", "", "Authorization", authorization).Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("%q is challenged with %q, want %q", authorization, got, want)
		}
	}
}

func TestATokenTellsTheCaller(t *testing.T) {
	t.Parallel()
	a, seen := newGuarded(t)

	id := a.call(http.MethodGet, "/things", "", "bearer", "").ok(http.StatusOK).Header().Get("X-Request-Id")

	if seen.TenantName != "acme" || seen.Tenant != authtest.Acme || seen.RequestID != id || seen.Address != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("the caller is %+v", seen)
	}
}

func TestARevokedTokenIsRefusedThoughItsSignatureWasGood(t *testing.T) {
	t.Parallel()
	a, _ := newGuarded(t)
	session := uuid.New()
	a.token = a.installation.Token(t, auth.Claims{Subject: uuid.New(), Session: session, Tenant: authtest.Acme, TenantName: "acme", Roles: []api.Role{api.Owner}})
	a.call(http.MethodGet, "/things", "").ok(http.StatusOK)

	a.installation.Revoked[session] = true

	a.call(http.MethodGet, "/things", "").problem("unauthenticated")
}

func TestAnAPIKeyIsTakenInEitherHeader(t *testing.T) {
	t.Parallel()
	a, seen := newGuarded(t)
	key := auth.NewAPIKey()
	a.installation.Keys[key.String()] = auth.Principal{Key: key.ID, TenantName: "acme", Roles: []api.Role{api.Viewer}}

	for _, headers := range [][]string{
		{"Authorization", "Bearer " + key.String()}, {"Authorization", "", "X-API-Key", key.String()},
		{"Authorization", "Bearer " + key.String(), "X-API-Key", key.String()},
	} {
		a.call(http.MethodGet, "/things", "", headers...).ok(http.StatusOK)
		if seen.Key != key.ID {
			t.Errorf("%q: the caller is %+v", headers, seen)
		}
	}
}

func TestARoleThatLacksThePermissionIsForbidden(t *testing.T) {
	t.Parallel()
	a, _ := newGuarded(t)
	a.token = a.installation.Member(t, api.Caller)
	if p := a.call(http.MethodGet, "/things", "").problem("forbidden"); !strings.Contains(p.Detail, "model:read") {
		t.Errorf("detail is %q", p.Detail)
	}
}

func TestPublicRoutesLookAtNoCredential(t *testing.T) {
	t.Parallel()
	a, seen := newGuarded(t)

	a.call(http.MethodGet, "/public", "", "Authorization", "Bearer nonsense").ok(http.StatusOK)

	if seen.Actor() != "anonymous" || !seen.Address.IsValid() {
		t.Errorf("the caller is %+v", seen)
	}
}

func TestTheCallersAddressIsTheClients(t *testing.T) {
	t.Parallel()
	a, seen := newGuarded(t)
	a.call(http.MethodGet, "/public", "", "X-Forwarded-For", "203.0.113.7").ok(http.StatusOK)
	if seen.Address != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("the address is %s", seen.Address)
	}
}

func TestAPublicFunctionNeedsNoSecrets(t *testing.T) {
	t.Parallel()
	m, err := NewMux(env.New("login", nil, authtest.New(t).Env("x", nil).Logger()), nil)
	if err != nil {
		t.Fatal(err)
	}
	Handle(m, "POST /v1/auth/login", func(context.Context, auth.Principal, struct{}) (struct{}, error) { return struct{}{}, nil })
}

func TestARouteThatIsNotInTheTableIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	defer func() {
		if recover() == nil {
			t.Error("the route is taken")
		}
	}()
	Handle(a.Mux, "GET /nowhere", func(context.Context, auth.Principal, struct{}) (struct{}, error) { return struct{}{}, nil })
}

func TestEveryRouteHasAFunctionAndAPermissionThatSomeRoleHas(t *testing.T) {
	t.Parallel()
	policy, err := auth.NewPolicy()
	if err != nil {
		t.Fatal(err)
	}
	seen, needed := map[string]bool{}, map[api.Permission]bool{}
	ownersAlone := map[api.Permission]bool{"policy:write": true}
	for _, route := range Routes() {
		if seen[route.Function+" "+route.Pattern] {
			t.Errorf("%s is in the table twice", route.Pattern)
		}
		seen[route.Function+" "+route.Pattern] = true
		may := route.Permission == auth.GatewayCall || ownersAlone[route.Permission] || slices.ContainsFunc(api.Roles()[1:], func(role api.Role) bool {
			return policy.Authorize(auth.Principal{Roles: []api.Role{role}}, route.Permission) == nil
		})
		if route.Function == "" || !may {
			t.Errorf("%s: function %q, permission %q", route.Pattern, route.Function, route.Permission)
		}
		needed[route.Permission] = true
	}
	for _, special := range []api.Permission{api.Public, api.Self, auth.GatewayCall} {
		delete(needed, special)
	}
	if got := slices.Sorted(maps.Keys(needed)); !slices.Equal(got, api.Permissions()) {
		t.Errorf("routes need %v, and scopes name %v", got, api.Permissions())
	}
}

// recorder is an authenticator that keeps whom its last question was charged to.
type recorder struct {
	auth.Authenticator

	asked share.Holder
}

// APIKey implements auth.Authenticator.
func (r *recorder) APIKey(ctx context.Context, key auth.APIKey) (auth.Principal, error) {
	r.asked = share.Of(ctx)
	return r.Authenticator.APIKey(ctx, key)
}

// Check implements auth.Authenticator.
func (r *recorder) Check(ctx context.Context, claims auth.Claims) error {
	r.asked = share.Of(ctx)
	return r.Authenticator.Check(ctx, claims)
}

// TestARequestIsChargedToItsCaller has keys be looked up at the expense of an address: anybody can make up their ids.
func TestARequestIsChargedToItsCaller(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	asks := &recorder{Authenticator: a.guard.authn}
	a.guard.authn = asks
	var charged share.Holder
	use := func(ctx context.Context, _ auth.Principal, _ struct{}) (struct{}, error) {
		charged = share.Of(ctx)
		return struct{}{}, nil
	}
	Handle(a.Mux, "GET /public", use)
	Handle(a.Mux, "GET /things", use)
	key, user := auth.NewAPIKey(), uuid.New()
	a.installation.Keys[key.String()] = auth.Principal{Key: key.ID, Tenant: authtest.Acme, TenantName: "acme", Roles: []api.Role{api.Viewer}}
	a.token = a.installation.Token(t, auth.Claims{Subject: user, Session: uuid.New(), Tenant: authtest.Acme, TenantName: "acme", Roles: []api.Role{api.Owner}})
	nobody := share.Holder{Tenant: "192.0.2.1/32", Credential: "anonymous"}
	acme := authtest.Acme.String()
	ofUser, ofKey := share.Holder{Tenant: acme, Credential: "user:" + user.String()}, share.Holder{Tenant: acme, Credential: "key:" + key.ID}

	for _, c := range []struct {
		path, credential string
		asked, charged   share.Holder
	}{
		{"/public", a.token, share.Holder{}, nobody},
		{"/things", a.token, nobody, ofUser},
		{"/things", key.String(), nobody, ofKey},
	} {
		asks.asked, charged = share.Holder{}, share.Holder{}
		a.call(http.MethodGet, c.path, "", "Authorization", "Bearer "+c.credential).ok(http.StatusOK)
		if asks.asked != c.asked || charged != c.charged {
			t.Errorf("%s of %.8s is charged to %+v, and asking for it to %+v", c.path, c.credential, charged, asks.asked)
		}
	}
}

// TestACallOfTheGatewayIsChargedToWhomItIsFor has the gateway ask for a caller, and for itself.
func TestACallOfTheGatewayIsChargedToWhomItIsFor(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	gateway, err := auth.OpenGateway(a.installation.Env("infer", nil))
	if err != nil {
		t.Fatal(err)
	}
	var charged share.Holder
	const procedure = inferenceconnect.GRPCInferenceServiceModelInferProcedure
	Mount(a.Mux, "/inference.GRPCInferenceService/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { charged = share.Of(r.Context()) }))
	caller := share.Holder{Tenant: "acme", Credential: "key:1"}
	for holder, want := range map[share.Holder]share.Holder{caller: caller, {}: {Credential: "function:infer"}} {
		headers := http.Header{}
		gateway.Sign(headers, procedure, uuid.Nil, "")
		auth.Charge(headers, holder)
		a.call(http.MethodPost, procedure, "", "Authorization", headers.Get("Authorization"), "Maas-Charged-To", headers.Get("Maas-Charged-To"))
		if charged != want {
			t.Errorf("a call for %+v is charged to %+v", holder, charged)
		}
	}
}
