// Package identitytest gives tests a database with tenants and members in it, and credentials for them.
package identitytest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/authtest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

// Password is every member's. Its hash is made already, since hashing takes a tenth of a second and 64 MiB.
const (
	Password = "correct horse battery staple"
	hash     = "$argon2id$v=19$m=65536,t=3,p=1$dwGT+ZgvNONYZzldGzkYdg$k8Tmfx8g3jtzaGEu/f5NCWex50Tux9gQFWpDa2a9lj0"
)

// World is a database with the tenant acme, which has an owner, ana@example.com.
type World struct {
	Postgres postgrestest.Database
	// Vars is the environment of a function in this world: DATABASE_URL, MAAS_SIGNING_KEYS, MAAS_SERVICE_KEY. A test may add to it and make
	// an env.Env of its own.
	Vars  map[string]string
	Env   *env.Env
	Owner auth.Principal

	t    testing.TB
	keys *authtest.Installation
}

// New returns a new world, in a database of its own. It is removed when the test ends.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Postgres: postgrestest.New(t), t: t, keys: authtest.New(t)}
	w.Vars = maps.Clone(w.keys.Vars)
	w.Vars["DATABASE_URL"] = w.Postgres.URL
	w.Env = w.keys.Env("test", w.Vars)
	t.Cleanup(func() { _ = w.Env.Close(context.Background()) })
	w.Owner = w.tenant("acme", "ana@example.com")
	return w
}

// Tenant creates another tenant, and returns its owner: owner@<name>.example.com.
func (w *World) Tenant(name ref.Tenant) auth.Principal {
	w.t.Helper()
	return w.tenant(name, "owner@"+string(name)+".example.com")
}

// tenant creates a tenant and its owner with the email, and returns the owner.
func (w *World) tenant(name ref.Tenant, email string) auth.Principal {
	w.t.Helper()
	who := auth.Principal{Tenant: uuid.Must(uuid.NewV7()), TenantName: name}
	w.exec(`insert into tenants (id, name) values ($1, $2)`, who.Tenant, string(name))
	return w.member(who, email, api.Owner)
}

// Member creates a user with the role in the principal's tenant, and returns the user. The email is <role>-<id>@example.com.
func (w *World) Member(of auth.Principal, role api.Role) auth.Principal {
	w.t.Helper()
	return w.member(of, string(role)+"-"+uuid.NewString()+"@example.com", role)
}

// member creates a user with the email and the role in the principal's tenant, and a session of the user. It returns the user.
func (w *World) member(of auth.Principal, email string, role api.Role) auth.Principal {
	w.t.Helper()
	who := auth.Principal{
		Tenant: of.Tenant, TenantName: of.TenantName, User: uuid.Must(uuid.NewV7()), Session: uuid.Must(uuid.NewV7()),
		Roles: []api.Role{role}, Address: netip.MustParseAddr("192.0.2.1"), RequestID: "test", // RFC 5737
	}
	w.exec(`insert into users (id, email, password) values ($1, $2, $3)`, who.User, email, hash)
	w.Join(who, of)
	w.exec(`insert into sessions (id, tenant_id, user_id, expires_at) values ($1, $2, $3, now() + interval '1 day')`,
		who.Session, who.Tenant, who.User)
	return who
}

// Join makes the user who a member of another tenant, the one of the second principal. The roles are the same there.
func (w *World) Join(who, tenant auth.Principal) {
	w.t.Helper()
	roles := make([]string, len(who.Roles))
	for i, role := range who.Roles {
		roles[i] = string(role)
	}
	w.exec(`insert into memberships (tenant_id, user_id, roles) values ($1, $2, $3)`, tenant.Tenant, who.User, roles)
}

// Token returns an access token of the principal's session.
func (w *World) Token(who auth.Principal) string {
	w.t.Helper()
	return w.keys.Token(w.t, auth.Claims{
		Subject: who.User, Session: who.Session, Tenant: who.Tenant, TenantName: who.TenantName, Roles: who.Roles,
	})
}

// RefreshToken returns a new refresh token of the principal's session. It needs no sign-in, which would take long.
func (w *World) RefreshToken(who auth.Principal) string {
	w.t.Helper()
	token := rand.Text()
	sum := sha256.Sum256([]byte(token))
	w.exec(`insert into refresh_tokens (hash, tenant_id, session, expires_at) values ($1, $2, $3, now() + interval '1 day')`,
		sum[:], who.Tenant, who.Session)
	return token
}

// APIKey creates an API key of the principal with the scopes, and returns the whole credential.
func (w *World) APIKey(who auth.Principal, scopes ...api.Scope) string {
	w.t.Helper()
	keys, err := identity.OpenKeys(w.t.Context(), w.Env)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := keys.Create(w.t.Context(), who, api.CreateKeyRequest{Name: "test", Scopes: scopes})
	if err != nil {
		w.t.Fatal(err)
	}
	return key.Secret
}

// Audited returns how many entries with the action and the outcome are in the audit log of the principal's tenant.
func (w *World) Audited(of auth.Principal, action, outcome string) (n int) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		const countSQL = `select count(*) from audit_entries where tenant_id = $1 and action = $2 and outcome = $3`
		return conn.QueryRow(ctx, countSQL, of.Tenant, action, outcome).Scan(&n)
	})
	return n
}

// exec runs a statement that may change the rows of all tenants. It ends the test on an error.
func (w *World) exec(sql string, args ...any) {
	w.t.Helper()
	w.Postgres.Owner(w.t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}
