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

// tenantFor returns the id of a new tenant. A registration that carries an Idempotency-Key gets one that follows from the key and the email, because
// the key is looked up within the tenant: so the repetition finds the first one's answer, and nobody finds another's.
func tenantFor(ctx context.Context, in api.RegisterRequest) uuid.UUID {
	key, keyed := idempotency.From(ctx)
	if !keyed {
		return uuid.Must(uuid.NewV7())
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("maas:register\x00"+string(in.Email)+"\x00"+key.Value))
}

// conceal keys the hash by which a repetition is known: the request holds a password, and an unkeyed hash of it that is stored could be
// tried against guesses a million times faster than Argon2's.
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
