package auth

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/share"
)

// Principal is the caller of a use case, in one tenant.
type Principal struct {
	Tenant     uuid.UUID
	TenantName ref.Tenant
	User       uuid.UUID // the user, or the user who made the key; zero for a function
	Session    uuid.UUID // the family of refresh tokens that the access token came from; zero for keys and functions
	Key        string    // the API key's id, or ""
	Function   string    // the function that acts by itself (sweep, verify-upload), or ""
	Roles      []api.Role
	Scopes     []api.Permission // what a key is limited to; nil for users
	Limits     *Limits          // the models that a key is limited to; nil for all
	Address    netip.Addr       // where the request came from; zero for functions
	RequestID  string
}

// System returns the principal of a function that acts for a tenant by itself, as after an event. It has the role owner, and may do everything
// there.
func System(function string, tenant uuid.UUID, name ref.Tenant) Principal {
	return Principal{Tenant: tenant, TenantName: name, Function: function, Roles: []api.Role{api.Owner}}
}

// Actor returns the principal's name in the audit log and in events: "user:<id>", "key:<id>", "function:<name>" or "anonymous".
func (p Principal) Actor() string {
	switch {
	case p.Key != "":
		return "key:" + p.Key
	case p.Function != "":
		return "function:" + p.Function
	case p.User != uuid.Nil:
		id, _ := p.User.MarshalText() // as String, without a string of its own; it has no error
		return "user:" + string(id)
	default:
		return "anonymous"
	}
}

// Holder returns to whom the principal's use of shared resources is charged: its Actor, in its tenant. All anonymous principals are one holder.
func (p Principal) Holder() share.Holder {
	h := share.Holder{Credential: p.Actor()}
	if p.Tenant != uuid.Nil {
		h.Tenant = p.Tenant.String()
	}
	return h
}

// Claims is what an access token says.
type Claims struct {
	Subject    uuid.UUID
	Session    uuid.UUID
	Tenant     uuid.UUID
	TenantName ref.Tenant
	Roles      []api.Role
	ID         string // jti
	IssuedAt   time.Time
	ExpiresAt  time.Time
}

// Principal returns the user whom the claims describe, as a principal.
func (c Claims) Principal() Principal {
	return Principal{Tenant: c.Tenant, TenantName: c.TenantName, User: c.Subject, Session: c.Session, Roles: c.Roles}
}

// Authenticator answers what a credential alone does not say. There are two: identity's asks Postgres, resolver's asks IdentityService.
type Authenticator interface {
	// APIKey returns the key's principal. It fails with Unauthenticated for an unknown, expired or deleted key and a wrong secret,
	// the same for each, and with Unavailable if it cannot tell.
	APIKey(ctx context.Context, key APIKey) (Principal, error)
	// Check fails with Unauthenticated if the token's session, user or tenant was revoked after the token was issued,
	// and with Unavailable if it cannot tell.
	Check(ctx context.Context, claims Claims) error
}
