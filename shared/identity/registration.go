package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Register makes a user and the tenant that they own. It fails with Invalid for a password that is too easy and for a reserved tenant name, such as v1 or
// models, which paths of the API contain; with Conflict where the tenant's name, the username or the email is taken, which are looked at in this order; and
// with RateLimited beyond 100 a minute from one address.
func (u *Users) Register(ctx context.Context, who auth.Principal, in api.RegisterRequest) (api.Registration, error) {
	if err := judge(in.Password, "password", in.Email, in.Username); err != nil {
		return api.Registration{}, err
	}
	if err := in.Tenant.CheckRegistrable(); err != nil {
		return api.Registration{}, err
	}
	err := u.db.Definer(ctx, func(tx postgres.Tx) error { return countRegistration(ctx, tx, who.Address) })
	if err != nil {
		return api.Registration{}, err
	}
	phc, err := u.hash(ctx, who, in.Password)
	if err != nil {
		return api.Registration{}, err
	}
	user := api.User{
		ID: api.ID(uuid.Must(uuid.NewV7())), Email: in.Email, Username: in.Username, Tenant: in.Tenant,
		Roles: []api.Role{api.Owner}, CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	tenant := tenantFor(ctx, in)
	return postgres.Once(u.conceal(ctx), u.db, tenant, "anonymous", func(tx postgres.Tx) (api.Registration, error) {
		if err := insertTenant(ctx, tx, in.Tenant); err != nil {
			return api.Registration{}, err
		}
		if err := insertUser(ctx, tx, user, phc); err != nil {
			return api.Registration{}, err
		}
		owner := auth.Principal{Tenant: tenant, User: uuid.UUID(user.ID), Address: who.Address, RequestID: who.RequestID}
		return api.Registration{User: user, Tenant: in.Tenant}, audit.Record(ctx, tx, owner, tenantCreated, string(in.Tenant))
	})
}

// tenantFor returns the id of a new tenant. It is random, unless the request carries an Idempotency-Key: then it is derived from that key and the
// email, so that a repetition finds the stored answer, and nobody else does.
func tenantFor(ctx context.Context, in api.RegisterRequest) uuid.UUID {
	key, keyed := idempotency.From(ctx)
	if !keyed {
		return uuid.Must(uuid.NewV7())
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("maas:register\x00"+string(in.Email)+"\x00"+key.Value))
}

// conceal returns a context in which the hash of the request's body is keyed, so that the password in the body cannot be guessed from the stored
// hash. Without an Idempotency-Key it returns ctx.
func (u *Users) conceal(ctx context.Context) context.Context {
	key, keyed := idempotency.From(ctx)
	if !keyed {
		return ctx
	}
	mac := hmac.New(sha256.New, u.requests)
	mac.Write(key.Body[:])
	key.Body = [sha256.Size]byte(mac.Sum(nil))
	return idempotency.With(ctx, key)
}
