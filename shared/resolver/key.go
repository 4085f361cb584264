package resolver

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

const (
	// maxKeys bounds the cache of API keys: about 10 MB.
	maxKeys = 20_000
	// keyLife bounds how long an answer about a key is kept; its revocation is looked at each time.
	keyLife = time.Minute
	// wrongKeyLife is the same for a refusal.
	wrongKeyLife = 10 * time.Second
)

// keyHash is auth.KeyHash's sum of a credential.
type keyHash [32]byte

// verdict is what is known of a credential.
type verdict struct {
	who     auth.Principal
	refused error
	kept    time.Time
	until   time.Time
}

type keyCache = otter.Cache[keyHash, verdict]

// newKeyCache returns an empty cache of up to maxKeys verdicts.
func newKeyCache() (*keyCache, error) {
	return otter.New(&otter.Options[keyHash, verdict]{MaximumSize: maxKeys})
}

// APIKey implements auth.Authenticator. It asks IdentityService, and keeps its answer for up to a minute. It fails with Unauthenticated for a key
// that is not valid or has been revoked, and with Unavailable if that cannot be found out.
func (r *Resolver) APIKey(ctx context.Context, key auth.APIKey) (auth.Principal, error) {
	if err := r.revoked.known(ctx); err != nil {
		return auth.Principal{}, err
	}
	hash := keyHash(r.hash.Of(key))
	known, ok := r.keys.GetIfPresent(hash)
	if !ok || time.Now().After(known.until) {
		var err error
		if known, err = r.verifyKey(ctx, key.ID, hash); err != nil {
			return auth.Principal{}, err
		}
	}
	if known.refused == nil && r.revoked.list.CoversKey(known.who, known.kept) {
		return auth.Principal{}, fault.New(fault.Unauthenticated, "The API key is not valid.")
	}
	return known.who, known.refused
}

// verifyKey asks IdentityService about a key and caches the verdict, which may be a refusal. It fails if there is no answer, and with Internal if
// it is malformed.
func (r *Resolver) verifyKey(ctx context.Context, id string, hash keyHash) (verdict, error) {
	now := time.Now()
	out, err := call(ctx, r, r.verify, tenant{}, &maasv1.VerifyKeyRequest{Id: id, Hash: hash[:]},
		r.identity.VerifyKey, maasv1connect.IdentityServiceVerifyKeyProcedure)
	switch {
	case fault.Is(err, fault.Unauthenticated):
		v := verdict{refused: err, until: now.Add(wrongKeyLife)}
		r.keys.Set(hash, v)
		return v, nil
	case err != nil:
		return verdict{}, err
	}
	v := verdict{kept: now, until: now.Add(keyLife)}
	if v.who, err = principalOf(id, out); err != nil {
		return verdict{}, fault.New(fault.Internal, "The answer about the API key is malformed.", fault.Op("resolver.APIKey"), fault.Cause(err))
	}
	if expires := out.GetExpiresAt(); expires != nil && expires.AsTime().Before(v.until) {
		v.until = expires.AsTime()
	}
	r.keys.Set(hash, v)
	return v, nil
}

// principalOf returns the principal that IdentityService's answer describes, with the key's id. It fails if the answer is malformed.
func principalOf(id string, m *maasv1.VerifyKeyResponse) (who auth.Principal, err error) {
	who = auth.Principal{Key: id, Scopes: []api.Permission{}}
	if who.Tenant, err = uuid.Parse(m.GetTenantId()); err != nil {
		return who, err
	}
	if who.TenantName, err = ref.ParseTenant(m.GetTenant()); err != nil {
		return who, err
	}
	if who.User, err = uuid.Parse(m.GetUserId()); err != nil {
		return who, err
	}
	for _, role := range m.GetRoles() {
		who.Roles = append(who.Roles, api.Role(role))
	}
	for _, scope := range m.GetScopes() {
		who.Scopes = append(who.Scopes, api.Permission(scope))
	}
	who.Limits, err = limitsOf(who.TenantName, m)
	return who, err
}

// limitsOf returns a key's limits, or nil for a key that is for all models. A service of an earlier release sends names only, and each counts as a
// pattern without a *. It fails if the answer is malformed.
func limitsOf(tenant ref.Tenant, m *maasv1.VerifyKeyResponse) (*auth.Limits, error) {
	patterns := m.GetPatterns()
	if !m.GetLimited() {
		for _, name := range m.GetModels() {
			patterns = append(patterns, string(tenant)+"/"+name)
		}
		if patterns == nil {
			return nil, nil //nolint:nilnil // all models
		}
	}
	limits := &auth.Limits{}
	for _, text := range patterns {
		pattern, err := ref.ParsePattern(text)
		if err != nil {
			return nil, err
		}
		limits.Patterns = append(limits.Patterns, pattern)
	}
	for _, bound := range m.GetBoundModels() {
		id, err := uuid.Parse(bound.GetId())
		if err != nil {
			return nil, err
		}
		name, err := ref.ParseName(bound.GetName())
		if err != nil {
			return nil, err
		}
		limits.Models = append(limits.Models, auth.BoundModel{ID: id, Name: name})
	}
	return limits, nil
}
