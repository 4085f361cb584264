// Package resolvertest gives tests the services that a resolver calls: ModelService and IdentityService over gRPC, with the guards of the
// functions models and api-keys and with data that the test sets.
package resolvertest

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/authtest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
	"github.com/17882237881/MaaS/shared/share"
)

// Server serves ModelService and IdentityService. Its Installation's Vars have their addresses.
type Server struct {
	*authtest.Installation

	// Resolved counts the calls of Resolve, Verified those of VerifyKey.
	Resolved, Verified atomic.Int64
	// Charged is whom the last call of VerifyKey was charged to.
	Charged atomic.Pointer[share.Holder]
	// Missed is the endpoint that a caller of Resolve found nobody at last.
	Missed atomic.Value
	// Down makes every call fail with Unavailable.
	Down atomic.Bool

	t       testing.TB
	mu      sync.Mutex
	epoch   int64
	routes  map[string]*maasv1.ResolveResponse
	revoked []*maasv1.Revocation
}

// New starts the services, without any route or key. They stop when the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{Installation: authtest.New(t), t: t, routes: map[string]*maasv1.ResolveResponse{}}
	models, keys := s.service("models"), s.service("api-keys")
	intercept := connect.WithInterceptors(httpapi.ConnectErrors())
	path, handler := maasv1connect.NewModelServiceHandler(modelService{s: s}, intercept)
	httpapi.Mount(models, path, handler)
	path, handler = maasv1connect.NewIdentityServiceHandler(identityService{s}, intercept)
	httpapi.Mount(keys, path, handler)
	s.Vars["MAAS_REGISTRY_URL"], s.Vars["MAAS_IDENTITY_URL"] = serve(t, models), serve(t, keys)
	return s
}

// service returns a mux with the guards of a function.
func (s *Server) service(function string) *httpapi.Mux {
	e := s.Env(function, nil)
	s.t.Cleanup(func() { _ = e.Close(context.Background()) })
	mux, err := httpapi.NewMux(e, s.Installation)
	if err != nil {
		s.t.Fatal(err)
	}
	return mux
}

// serve starts a server that speaks HTTP/2 in cleartext, as functions do, and returns its URL. It stops when the test ends.
func serve(t testing.TB, handler http.Handler) (address string) {
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// Owner returns a new owner of the tenant acme.
func (s *Server) Owner() auth.Principal {
	return auth.Principal{Tenant: authtest.Acme, TenantName: "acme", User: uuid.New(), Session: uuid.New(), Roles: []api.Role{api.Owner}}
}

// TokenOf returns an access token of the principal.
func (s *Server) TokenOf(who auth.Principal) string {
	return s.Token(s.t, auth.Claims{
		Subject: who.User, Session: who.Session, Tenant: who.Tenant, TenantName: who.TenantName, Roles: who.Roles,
	})
}

// Ready adds the version acme/<name>@<version>, which answers at the endpoint, and makes it the model's latest. It returns the response of both
// references.
func (s *Server) Ready(name, version, endpoint string) *maasv1.ResolveResponse {
	r := &maasv1.ResolveResponse{
		ModelId: ModelID(name).String(), VersionId: uuid.NewString(), Version: version, Digest: ref.SumOf([]byte(name + "@" + version)).String(), Endpoint: endpoint, Status: "ready",
		Runtime: "maas-onnx", Inputs: []*maasv1.Tensor{{Name: "x", Datatype: "FP32", Shape: []int64{-1}}},
		Outputs: []*maasv1.Tensor{{Name: "y", Datatype: "FP32", Shape: []int64{-1}}},
		Traffic: []*maasv1.Share{{Version: version, Weight: 100}},
	}
	s.Lead("acme/"+name+"@"+version, r)
	s.Lead("acme/"+name+"@latest", r)
	return r
}

// ModelID returns the id of the model acme/<name> in the responses of Ready.
func ModelID(name string) uuid.UUID { return uuid.NewSHA1(authtest.Acme, []byte(name)) }

// Lead makes Resolve answer the reference target with r, in a new epoch. The caller must not change r afterwards except by Change.
func (s *Server) Lead(target string, r *maasv1.ResolveResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	r.Epoch = s.epoch
	s.routes[target] = r
}

// Change calls change with a response under the server's lock, in a new epoch, which it returns.
func (s *Server) Change(r *maasv1.ResolveResponse, change func(*maasv1.ResolveResponse)) (epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	r.Epoch = s.epoch
	change(r)
	return s.epoch
}

// Revoke adds a revocation of the session, user, tenant or key with the id.
func (s *Server) Revoke(kind maasv1.Revocation_Kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(time.Second)
	s.revoked = append(s.revoked, &maasv1.Revocation{
		Kind: kind, Id: id, Before: timestamppb.New(now), ExpiresAt: timestamppb.New(now.Add(auth.RevocationLifetime)),
	})
}

// AddKey creates an API key of the principal and returns it. VerifyKey accepts it from then on.
func (s *Server) AddKey(who auth.Principal) auth.APIKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := auth.NewAPIKey()
	who.Key = key.ID
	s.Keys[key.String()] = who
	return key
}

type modelService struct {
	maasv1connect.UnimplementedModelServiceHandler

	s *Server
}

// Resolve answers as Lead says. It fails with NotFound for an unknown reference or another tenant, and with Unavailable while the server is down.
func (m modelService) Resolve(ctx context.Context, in *connect.Request[maasv1.ResolveRequest]) (*connect.Response[maasv1.ResolveResponse], error) {
	m.s.Resolved.Add(1)
	if m.s.Down.Load() {
		return nil, fault.New(fault.Unavailable, "The database is away.")
	}
	who := auth.PrincipalFrom(ctx)
	if endpoint := in.Msg.GetUnreachable(); endpoint != "" {
		m.s.Missed.Store(endpoint)
	}
	target, err := ref.ParseTarget(in.Msg.GetModel() + "@" + in.Msg.GetRef())
	if err != nil {
		return nil, err
	}
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	route, ok := m.s.routes[target.String()]
	if !ok || who.TenantName != target.Model.Tenant {
		return nil, fault.New(fault.NotFound, "There is no version "+target.String()+".")
	}
	return connect.NewResponse(clone(route)), nil
}

// clone returns a copy of the response, since Change may change the response while the copy is written.
func clone(r *maasv1.ResolveResponse) *maasv1.ResolveResponse {
	return &maasv1.ResolveResponse{
		VersionId: r.GetVersionId(), Version: r.GetVersion(), Digest: r.GetDigest(), Endpoint: r.GetEndpoint(), Status: r.GetStatus(),
		Reason: r.GetReason(), Deterministic: r.GetDeterministic(), Runtime: r.GetRuntime(), Inputs: r.GetInputs(), Outputs: r.GetOutputs(),
		Deprecation: r.GetDeprecation(), Traffic: r.GetTraffic(), Epoch: r.GetEpoch(), Failure: r.GetFailure(), RetryAt: r.GetRetryAt(),
		ModelId: r.GetModelId(),
	}
}

type identityService struct{ s *Server }

// VerifyKey answers with the principal of a key of the installation. It fails with Unauthenticated for an unknown key, and with Unavailable while
// the server is down.
func (i identityService) VerifyKey(ctx context.Context, in *connect.Request[maasv1.VerifyKeyRequest]) (*connect.Response[maasv1.VerifyKeyResponse], error) {
	i.s.Verified.Add(1)
	charged := share.Of(ctx)
	i.s.Charged.Store(&charged)
	if i.s.Down.Load() {
		return nil, fault.New(fault.Unavailable, "The database is away.")
	}
	i.s.mu.Lock()
	keys := maps.Clone(i.s.Keys)
	i.s.mu.Unlock()
	for credential, who := range keys {
		if i.s.isHash(credential, in.Msg.GetHash()) {
			return connect.NewResponse(answerOf(who)), nil
		}
	}
	return nil, fault.New(fault.Unauthenticated, "The API key is not valid.")
}

// isHash reports whether the hash is that of the credential.
func (s *Server) isHash(credential string, hash []byte) bool {
	key, err := auth.ParseAPIKey(credential)
	if err != nil {
		return false
	}
	of, err := auth.OpenKeyHash(s.env())
	return err == nil && bytes.Equal(of.Of(key), hash)
}

// env returns the environment of the function api-keys.
func (s *Server) env() *env.Env { return s.Env("api-keys", nil) }

// answerOf returns VerifyKey's answer for a key with the principal.
func answerOf(who auth.Principal) *maasv1.VerifyKeyResponse {
	out := &maasv1.VerifyKeyResponse{TenantId: who.Tenant.String(), Tenant: string(who.TenantName), UserId: who.User.String()}
	for _, role := range who.Roles {
		out.Roles = append(out.Roles, string(role))
	}
	for _, scope := range who.Scopes {
		out.Scopes = append(out.Scopes, string(scope))
	}
	if who.Limits == nil {
		return out
	}
	out.Limited = true
	for _, m := range who.Limits.Models {
		out.BoundModels = append(out.BoundModels, &maasv1.BoundModel{Id: m.ID.String(), Name: string(m.Name)})
	}
	for _, pattern := range who.Limits.Patterns {
		out.Patterns = append(out.Patterns, pattern.String())
	}
	return out
}

// Revocations answers with all revocations each time, not only the new ones. It fails with Unavailable while the server is down.
func (i identityService) Revocations(context.Context, *connect.Request[maasv1.RevocationsRequest]) (*connect.Response[maasv1.RevocationsResponse], error) {
	if i.s.Down.Load() {
		return nil, fault.New(fault.Unavailable, "The database is away.")
	}
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return connect.NewResponse(&maasv1.RevocationsResponse{Revocations: slices.Clone(i.s.revoked), AsOf: timestamppb.Now()}), nil
}
