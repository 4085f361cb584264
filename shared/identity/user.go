package identity

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Users is everything that users do but sign in and out.
type Users struct {
	db       *postgres.DB
	hasher   *hasher
	requests []byte // keys the hashes of requests that hold a password
}

// OpenUsers returns Users with the process's database and hasher, and a key derived from MAAS_SERVICE_KEY. It fails if the configuration of one of
// them is invalid.
func OpenUsers(ctx context.Context, e *env.Env) (*Users, error) {
	db, err := openDB(ctx, e)
	if err != nil {
		return nil, err
	}
	hasher, err := openHasher(e)
	if err != nil {
		return nil, err
	}
	requests, err := e.ServiceKey("registrations")
	return &Users{db, hasher, requests}, err
}

// Me returns who the caller is.
func (u *Users) Me(ctx context.Context, who auth.Principal, _ struct{}) (me api.Me, err error) {
	me = api.Me{Tenant: who.TenantName, Scopes: who.Scopes}
	err = u.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if who.Key != "" {
			key, err := selectOwnKey(ctx, tx, who)
			me.Key = &key
			return err
		}
		user, err := selectUser(ctx, tx, who)
		if err != nil {
			return err
		}
		me.ID, me.Email, me.Username, me.Roles, me.CreatedAt = &user.ID, &user.Email, user.Username, user.Roles, &user.CreatedAt
		all, err := memberships(ctx, tx, who.User)
		for _, m := range all {
			me.Tenants = append(me.Tenants, m.Membership)
		}
		return err
	})
	return me, err
}

// ChangePassword takes the new password and ends the user's every other session. It fails with Invalid if the old one is wrong or the new one
// too easy, with RateLimited after wrong ones, and with Forbidden for API keys.
func (u *Users) ChangePassword(ctx context.Context, who auth.Principal, in api.ChangePasswordRequest) (struct{}, error) {
	none := struct{}{}
	if who.Key != "" {
		return none, fault.New(fault.Forbidden, "An API key cannot change its maker's password; sign in.")
	}
	release, err := u.hasher.acquire(ctx, knownClass, who.Address) // who has an access token has signed in
	if err != nil {
		return none, err
	}
	defer release()
	if err := u.checkOld(ctx, who, in); err != nil {
		return none, err
	}
	phc := hash(in.New)
	return none, u.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if err := updatePassword(ctx, tx, who.User, phc); err != nil {
			return err
		}
		if err := endOtherSessions(ctx, tx, who.User, who.Session); err != nil {
			return err
		}
		return audit.Record(ctx, tx, who, passwordChanged, "user:"+who.User.String())
	})
}

// checkOld checks the new password of a change by its rules, and then the old one. It fails with Invalid for either. A wrong old one is counted and
// recorded, and like a failed sign-in leads to RateLimited.
func (u *Users) checkOld(ctx context.Context, who auth.Principal, in api.ChangePasswordRequest) error {
	account, address := accountOf(who.User), byAddress(addressThrottle, who.Address)
	var user api.User
	var phc string
	err := u.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		if err := waitFor(ctx, tx, account, address); err != nil {
			return err
		}
		if user, err = selectUser(ctx, tx, who); err != nil {
			return err
		}
		phc, err = selectPassword(ctx, tx, who.User)
		return err
	})
	if err != nil {
		return err
	}
	if err := judge(in.New, "new", user.Email, user.Username); err != nil {
		return err
	}
	same, err := matches(phc, in.Old)
	if err != nil || same {
		return err
	}
	err = u.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if err := failed(ctx, tx, account, address); err != nil {
			return err
		}
		return audit.RecordRefused(ctx, tx, who, passwordChanged, "user:"+who.User.String())
	})
	if err != nil {
		return err
	}
	return fault.New(fault.Invalid, "this is not your password", fault.Field("old"))
}

// hash waits for a slot of the hasher, and returns the PHC string of the password. It fails as hasher.acquire does.
func (u *Users) hash(ctx context.Context, who auth.Principal, p api.Password) (string, error) {
	release, err := u.hasher.acquire(ctx, unknownClass, who.Address)
	if err != nil {
		return "", err
	}
	defer release()
	return hash(p), nil
}
