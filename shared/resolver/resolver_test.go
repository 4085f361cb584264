package resolver_test

import (
	"context"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/cachetest"
	"github.com/17882237881/MaaS/shared/env"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/resolver"
	"github.com/17882237881/MaaS/shared/resolvertest"
	"github.com/17882237881/MaaS/shared/share"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a client of the server, and its process.
func open(t *testing.T, s *resolvertest.Server, vars map[string]string) (*resolver.Resolver, *env.Env) {
	t.Helper()
	e := s.Env("infer", vars)
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	r, err := resolver.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	return r, e
}

func target(t *testing.T, s string) ref.Target {
	t.Helper()
	out, err := ref.ParseTarget(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withRedis opens a client with a cache that hears of changes.
func withRedis(t *testing.T, s *resolvertest.Server) (*resolver.Resolver, *cache.Store) {
	t.Helper()
	r, e := open(t, s, map[string]string{"REDIS_URL": cachetest.New(t).URL})
	store, err := cache.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return store.Stats(t.Context()).Redis == "connected" })
	return r, store
}

func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come to pass within 20 s")
		}
	}
}

func TestARouteIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	s.Ready("fraud", "1.4.0", "http://model")
	r, _ := withRedis(t, s)
	for range 3 {
		route, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud"))
		if err != nil {
			t.Fatal(err)
		}
		if v := route.Version; v.Version.String() != "1.4.0" || v.Endpoint != "http://model" || v.Inputs[0].Name != "x" || !v.Callable() {
			t.Errorf("the version is %+v", v)
		}
	}
	if n := s.Resolved.Load(); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
}

func TestAMovedReferenceIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	s.Ready("fraud", "1.4.0", "http://old")
	r, store := withRedis(t, s)
	if _, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud")); err != nil {
		t.Fatal(err)
	}

	epoch := s.Ready("fraud", "1.5.0", "http://new").GetEpoch()
	store.Announce(t.Context(), "acme/fraud", epoch)

	route, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud"))
	if err != nil || route.Version.Endpoint != "http://new" {
		t.Errorf("it leads to %+v, %v", route, err)
	}
}

func TestARouteToWhatDoesNotRunIsNotKept(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	route := s.Ready("fraud", "1.4.0", "")
	s.Change(route, func(m *maasv1.ResolveResponse) { m.Status = "starting" })
	r, _ := withRedis(t, s)
	for range 2 {
		if got, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud")); err != nil || got.Version.Callable() {
			t.Errorf("it leads to %+v, %v", got, err)
		}
	}
	if n := s.Resolved.Load(); n != 2 {
		t.Errorf("it was asked for %d times", n)
	}
}

func TestModelsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	s.Ready("fraud", "1.4.0", "http://model")
	r, _ := open(t, s, nil)
	limited := s.Owner()
	limited.Limits = &auth.Limits{Models: []auth.BoundModel{{ID: resolvertest.ModelID("other"), Name: "other"}}}

	_, err := r.Resolve(t.Context(), s.Owner(), target(t, "rival/fraud"))
	faulttest.AssertKind(t, err, fault.NotFound)
	_, err = r.Resolve(t.Context(), limited, target(t, "acme/fraud"))
	faulttest.AssertKind(t, err, fault.NotFound)

	if n := s.Resolved.Load(); n != 0 {
		t.Errorf("ModelService was called %d times", n)
	}
}

// TestAKeyOfADeletedModelDoesNotReachTheNextOfItsName asks by keys whose models are gone, with a route that is kept and with one that is not.
func TestAKeyOfADeletedModelDoesNotReachTheNextOfItsName(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	s.Ready("fraud", "1.4.0", "http://model")
	r, _ := open(t, s, nil)
	fraud := target(t, "acme/fraud")
	of := func(limits *auth.Limits) auth.Principal {
		who := s.Owner()
		who.Limits = limits
		known, err := r.APIKey(t.Context(), s.AddKey(who))
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	old := of(&auth.Limits{Models: []auth.BoundModel{{ID: uuid.New(), Name: "fraud"}}})
	own := of(&auth.Limits{Models: []auth.BoundModel{{ID: resolvertest.ModelID("fraud"), Name: "fraud"}}})
	pattern := of(&auth.Limits{Patterns: []ref.Pattern{{Tenant: "acme", Name: "fra*"}}})
	none := of(&auth.Limits{})

	for range 2 {
		for name, who := range map[string]auth.Principal{"of a deleted model": old, "of none": none} {
			if _, err := r.Resolve(t.Context(), who, fraud); !fault.Is(err, fault.NotFound) {
				t.Errorf("a key %s: %v", name, err)
			}
		}
		for name, who := range map[string]auth.Principal{"of the model": own, "of a pattern": pattern} {
			if _, err := r.Resolve(t.Context(), who, fraud); err != nil {
				t.Errorf("a key %s: %v", name, err)
			}
		}
	}
}

func TestCallsResumeWhenTheServicesComeBack(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	s.Ready("fraud", "1.4.0", "http://model")
	r, _ := open(t, s, nil)
	s.Down.Store(true)

	_, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud"))
	faulttest.AssertKind(t, err, fault.Unavailable)
	s.Down.Store(false)

	eventually(t, func() bool {
		_, err := r.Resolve(t.Context(), s.Owner(), target(t, "acme/fraud"))
		return err == nil
	})
}

func TestTheCircuitBreakerLimitsCallsWhileTheServicesAreAway(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	r, _ := open(t, s, nil)
	s.Down.Store(true)
	for range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := r.Resolve(ctx, s.Owner(), target(t, "acme/fraud"))
		cancel()
		if err == nil {
			t.Fatal("it did not fail")
		}
	}
	if n := s.Resolved.Load(); n > 30 {
		t.Errorf("50 calls asked %d times", n)
	}
}

func TestAnAPIKeyIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	r, _ := open(t, s, nil)
	owner := s.Owner()
	owner.Scopes = []api.Permission{"inference:execute"}
	owner.Limits = &auth.Limits{
		Models: []auth.BoundModel{{ID: resolvertest.ModelID("fraud"), Name: "fraud"}}, Patterns: []ref.Pattern{{Tenant: "acme", Name: "f-*"}},
	}
	key, stranger := s.AddKey(owner), share.Holder{Tenant: "192.0.2.1/32", Credential: "anonymous"}
	for range 3 {
		who, err := r.APIKey(share.With(t.Context(), stranger), key)
		if err != nil || who.Key != key.ID || who.TenantName != "acme" || who.User != owner.User || len(who.Scopes) != 1 || !reflect.DeepEqual(who.Limits, owner.Limits) {
			t.Errorf("it is %+v's, %v", who, err)
		}
	}
	if n, charged := s.Verified.Load(), s.Charged.Load(); n != 1 || *charged != stranger {
		t.Errorf("it was verified %d times, the last at the expense of %+v", n, charged)
	}
}

func TestAWrongKeyIsRefusedOnce(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	r, _ := open(t, s, nil)
	key := auth.NewAPIKey()
	for range 3 {
		_, err := r.APIKey(t.Context(), key)
		faulttest.AssertKind(t, err, fault.Unauthenticated)
	}
	if n := s.Verified.Load(); n != 1 {
		t.Errorf("it was verified %d times", n)
	}
}

func TestWhatIsRevokedStops(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	r, _ := open(t, s, nil)
	who := s.Owner()
	claims := auth.Claims{Subject: who.User, Session: who.Session, Tenant: who.Tenant, IssuedAt: time.Now()}
	key := s.AddKey(who)
	if err := r.Check(t.Context(), claims); err != nil {
		t.Fatal(err)
	}
	if _, err := r.APIKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}

	s.Revoke(maasv1.Revocation_KIND_SESSION, who.Session.String())
	s.Revoke(maasv1.Revocation_KIND_KEY, key.ID)

	eventually(t, func() bool { return fault.Is(r.Check(t.Context(), claims), fault.Unauthenticated) })
	_, err := r.APIKey(t.Context(), key)
	faulttest.AssertKind(t, err, fault.Unauthenticated)
}

func TestNobodyIsLetInWhileRevocationsAreUnknown(t *testing.T) {
	t.Parallel()
	s := resolvertest.New(t)
	nowhere, err := net.Listen("tcp", "127.0.0.1:0") // takes no connection further
	if err != nil {
		t.Fatal(err)
	}
	_ = nowhere.Close()
	r, _ := open(t, s, map[string]string{"MAAS_IDENTITY_URL": "http://" + nowhere.Addr().String()})

	faulttest.AssertKind(t, r.Ready(), fault.Unavailable)
	faulttest.AssertKind(t, r.Check(t.Context(), auth.Claims{}), fault.Unavailable)
}
