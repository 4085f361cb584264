package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/ref"
)

// User is a person, as seen in one tenant.
type User struct {
	ID        uuid.UUID   `json:"id"`
	Email     Email       `json:"email"`
	Username  *Username   `json:"username,omitempty"`
	Tenant    ref.Tenant  `json:"tenant"`
	Roles     []auth.Role `json:"roles"`
	CreatedAt time.Time   `json:"created_at"`
}

// Users is everything that users do but sign in and out.
type Users struct {
	db     *postgres.DB
	hasher *hasher
}

// OpenUsers opens what the use cases of users need.
func OpenUsers(ctx context.Context, e *env.Env) (*Users, error) {
	db, err := openDB(ctx, e)
	if err != nil {
		return nil, err
	}
	hasher, err := openHasher(e)
	return &Users{db, hasher}, err
}

// Registration asks for a new user and a new tenant that belongs to them.
type Registration struct {
	Email    Email      `json:"email"`
	Password Password   `json:"password"`
	Tenant   ref.Tenant `json:"tenant"`
	Username *Username  `json:"username"`
}

// Registered is the answer to a Registration.
type Registered struct {
	User   User       `json:"user"`
	Tenant ref.Tenant `json:"tenant"`
}

// Register makes a user and the tenant that they own. It fails with Invalid for a password that is too easy, with Conflict where the email,
// the username or the tenant's name is taken, and with RateLimited beyond 100 a minute from one address.
func (u *Users) Register(ctx context.Context, who auth.Principal, in Registration) (Registered, error) {
	if err := in.Password.judge("password", in.Email, in.Username); err != nil {
		return Registered{}, err
	}
	err := u.db.Definer(ctx, func(tx postgres.Tx) error { return countRegistration(ctx, tx, who.Address) })
	if err != nil {
		return Registered{}, err
	}
	phc, err := u.hash(ctx, in.Password)
	if err != nil {
		return Registered{}, err
	}
	user := User{
		ID: uuid.Must(uuid.NewV7()), Email: in.Email, Username: in.Username, Tenant: in.Tenant,
		Roles: []auth.Role{auth.Owner}, CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	tenant := tenantFor(ctx, in)
	return postgres.Once(ctx, u.db, tenant, "anonymous", func(tx postgres.Tx) (Registered, error) {
		if err := insertTenant(ctx, tx, in.Tenant); err != nil {
			return Registered{}, err
		}
		if err := insertUser(ctx, tx, user, phc); err != nil {
			return Registered{}, err
		}
		owner := auth.Principal{Tenant: tenant, User: user.ID, Address: who.Address, RequestID: who.RequestID}
		return Registered{user, in.Tenant}, audit.Record(ctx, tx, owner, tenantCreated, string(in.Tenant))
	})
}

// tenantFor gives the id of a new tenant. A registration that carries an Idempotency-Key gets one that follows from the key and the email, because
// the key is looked up within the tenant: so the repetition finds the first one's answer, and nobody finds another's.
func tenantFor(ctx context.Context, in Registration) uuid.UUID {
	key, keyed := idempotency.From(ctx)
	if !keyed {
		return uuid.Must(uuid.NewV7())
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("maas:register\x00"+string(in.Email)+"\x00"+key.Value))
}

// Membership is what a user is in a tenant.
type Membership struct {
	ID     uuid.UUID   `json:"-"`
	Tenant ref.Tenant  `json:"tenant"`
	Roles  []auth.Role `json:"roles"`
}

// Me is the caller: the user, their tenants, and what the credential limits them to.
type Me struct {
	User
	Tenants []Membership      `json:"tenants"`
	Scopes  []auth.Permission `json:"scopes,omitempty"` // of an API key
}

// Me says who the caller is.
func (u *Users) Me(ctx context.Context, who auth.Principal, _ struct{}) (me Me, err error) {
	err = u.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if me.User, err = selectUser(ctx, tx, who); err != nil {
			return err
		}
		me.Tenants, err = memberships(ctx, tx, who.User)
		return err
	})
	me.Scopes = who.Scopes
	return me, err
}

// PasswordChange asks for a new password in the place of the old one.
type PasswordChange struct {
	Old Password `json:"old"`
	New Password `json:"new"`
}

// ChangePassword takes the new password and ends the user's every other session. It fails with Invalid if the old one is wrong or the new one
// too easy, with RateLimited after wrong ones, and with Forbidden for API keys.
func (u *Users) ChangePassword(ctx context.Context, who auth.Principal, in PasswordChange) (struct{}, error) {
	none := struct{}{}
	if who.Key != "" {
		return none, fault.New(fault.Forbidden, "An API key cannot change its maker's password; sign in.")
	}
	leave, err := u.hasher.turn(ctx)
	if err != nil {
		return none, err
	}
	defer leave()
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

// checkOld is the judgement on a change: who holds a stolen access token may not try old passwords faster than at a sign-in.
func (u *Users) checkOld(ctx context.Context, who auth.Principal, in PasswordChange) error {
	account, address := accountOf(who.User), byAddress(addressThrottle, who.Address)
	var user User
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
	if err := in.New.judge("new", user.Email, user.Username); err != nil {
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

func (u *Users) hash(ctx context.Context, p Password) (string, error) {
	leave, err := u.hasher.turn(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return hash(p), nil
}
