package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// SessionLifetime is how long a session lasts however it is used; IdleLifetime how long a refresh token waits to be used.
const (
	SessionLifetime = 90 * 24 * time.Hour
	IdleLifetime    = 30 * 24 * time.Hour
)

// Sessions signs users in and out.
type Sessions struct {
	db     *postgres.DB
	hasher *hasher
	signer *auth.Signer
	next   successors
}

// OpenSessions returns Sessions with the process's database, hasher and signing keys. It fails if the configuration of one of them is invalid.
func OpenSessions(ctx context.Context, e *env.Env) (*Sessions, error) {
	db, err := openDB(ctx, e)
	if err != nil {
		return nil, err
	}
	hasher, err := openHasher(e)
	if err != nil {
		return nil, err
	}
	signer, err := auth.OpenSigner(e)
	if err != nil {
		return nil, err
	}
	next, err := openSuccessors(e)
	return &Sessions{db, hasher, signer, next}, err
}

// Login begins a session. It fails with Unauthenticated, after the same time, for an unknown user and a wrong password; with RateLimited while
// the account or the address has to wait after failures; with Invalid where the user has several tenants and names none.
func (s *Sessions) Login(ctx context.Context, who auth.Principal, in api.LoginRequest) (api.Tokens, error) {
	name, err := nameOf(in)
	if err != nil {
		return api.Tokens{}, err
	}
	user, err := s.authenticate(ctx, who, name, in.Password)
	if err != nil {
		return api.Tokens{}, err
	}
	member, err := choose(user.memberships, in.Tenant)
	if err != nil {
		return api.Tokens{}, err
	}
	who = member.principal(who, user.id, uuid.Must(uuid.NewV7()))
	token := rand.Text() + rand.Text() // 260 bits
	err = s.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if err := insertSession(ctx, tx, who, token); err != nil {
			return err
		}
		if err := forget(ctx, tx, accountOf(user.id)); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, sessionCreated, "session:"+who.Session.String())
	})
	if err != nil {
		return api.Tokens{}, err
	}
	return s.tokens(who, token)
}

// nameOf returns the email or the username of a sign-in. It fails with Invalid unless there is exactly one of them.
func nameOf(in api.LoginRequest) (string, error) {
	switch {
	case in.Email != nil && in.Username == nil:
		return string(*in.Email), nil
	case in.Username != nil && in.Email == nil:
		return string(*in.Username), nil
	default:
		return "", fault.New(fault.Invalid, "give either email or username", fault.Field("email"), fault.Field("username"))
	}
}

// authenticate returns the user with the name and the password. It fails with Unauthenticated for an unknown name or a wrong password, and after
// both does the same work, counts the failure and records it in the audit log. It fails with RateLimited while the user or the address must wait,
// and with Unavailable if the queue to hash is too long.
func (s *Sessions) authenticate(ctx context.Context, who auth.Principal, name string, p api.Password) (account, error) {
	release, err := s.hasher.acquire(ctx, s.hasher.class(who.Address, name), who.Address)
	if err != nil {
		return account{}, err
	}
	defer release()
	// Looked up within the slot: so no more guesses are under way than there are slots, however many came before the first one failed.
	user, err := s.find(ctx, who, name)
	if err != nil {
		return account{}, err
	}
	same, err := matches(user.password, p)
	if err != nil {
		return account{}, err
	}
	if same && len(user.memberships) > 0 {
		s.hasher.remember(who.Address, name)
		return user, nil
	}
	return account{}, s.refuse(ctx, who, user)
}

// find returns the user with the name. For an unknown name it returns an account that no password matches. It fails with RateLimited while the
// account or the caller's address must wait.
func (s *Sessions) find(ctx context.Context, who auth.Principal, name string) (user account, err error) {
	err = s.db.Definer(ctx, func(tx postgres.Tx) error {
		if user, err = selectAccount(ctx, tx, name); err != nil {
			return err
		}
		return waitFor(ctx, tx, user.throttle, byAddress(addressThrottle, who.Address))
	})
	return user, err
}

// refuse counts and records a failed sign-in, and returns its Unauthenticated fault, or the error that kept it from doing so. The record is in the
// audit log of the user's first tenant, or of the zero tenant if there is none.
func (s *Sessions) refuse(ctx context.Context, who auth.Principal, user account) error {
	var tenant uuid.UUID
	if len(user.memberships) > 0 {
		tenant = user.memberships[0].tenant
	}
	err := s.db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		if err := failed(ctx, tx, user.throttle, byAddress(addressThrottle, who.Address)); err != nil {
			return err
		}
		return audit.RecordRefused(ctx, tx, who, sessionCreated, "user:"+user.id.String())
	})
	if err != nil {
		return err
	}
	return fault.New(fault.Unauthenticated, "There is no user with this name and password.")
}

// choose returns the membership of the wanted tenant, or the only one if wanted is nil. It fails with Invalid if wanted is nil and there are
// several, and with NotFound if the user is no member of the wanted tenant.
func choose(list []membership, wanted *ref.Tenant) (membership, error) {
	if wanted == nil && len(list) == 1 {
		return list[0], nil
	}
	names := make([]string, len(list))
	for i, m := range list {
		if wanted != nil && m.Tenant == *wanted {
			return m, nil
		}
		names[i] = string(m.Tenant)
	}
	if wanted == nil {
		return membership{}, fault.New(fault.Invalid, "say which of your tenants: "+strings.Join(names, ", "), fault.Field("tenant"))
	}
	return membership{}, fault.New(fault.NotFound, fmt.Sprintf("you are no member of a tenant %s", *wanted), fault.Field("tenant"))
}

// membership is a user's membership with the tenant's id.
type membership struct {
	api.Membership

	tenant uuid.UUID
}

// principal returns the user as a principal in the membership's tenant, with the address and request id of who.
func (m membership) principal(who auth.Principal, user, session uuid.UUID) auth.Principal {
	return auth.Principal{
		Tenant: m.tenant, TenantName: m.Tenant, User: user, Session: session, Roles: m.Roles, Address: who.Address, RequestID: who.RequestID,
	}
}

// tokens signs an access token of the principal, and returns it together with the refresh token.
func (s *Sessions) tokens(who auth.Principal, refresh string) (api.Tokens, error) {
	access, err := s.signer.Sign(auth.Claims{
		Subject: who.User, Session: who.Session, Tenant: who.Tenant, TenantName: who.TenantName, Roles: who.Roles,
	})
	return api.Tokens{AccessToken: access, TokenType: "Bearer", ExpiresIn: int(auth.TokenLifetime.Seconds()), RefreshToken: refresh}, err
}

// JWKS is the answer with the keys that verify access tokens (RFC 7517, 5).
type JWKS struct{ auth.KeySet }

// SetHeader lets clients cache the keys for five minutes. A new key is published long before it signs.
func (JWKS) SetHeader(h http.Header) { h.Set("Cache-Control", "public, max-age=300") }

// PublicKeys returns the keys, current and next.
func (s *Sessions) PublicKeys(context.Context, auth.Principal, struct{}) (JWKS, error) {
	keys, err := s.signer.PublicKeys()
	return JWKS{keys}, err
}
