package identity

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const insertTenantSQL = `insert into tenants (id, name) values (maas_tenant(), $1)`

// insertTenant stores the transaction's tenant with the name. It fails with Conflict if the name or the tenant exists.
func insertTenant(ctx context.Context, tx postgres.Tx, name ref.Tenant) error {
	_, err := tx.Exec(ctx, insertTenantSQL, string(name))
	if postgres.Violates(err, "tenants_name_key") || postgres.Violates(err, "tenants_pkey") {
		return fault.New(fault.Conflict, "a tenant of this name exists already", fault.Field("tenant"), fault.Cause(err))
	}
	return err
}

const (
	insertUserSQL       = `insert into users (id, email, username, password, created_at) values ($1, $2, $3, $4, $5)`
	insertMembershipSQL = `insert into memberships (user_id, roles) values ($1, $2)`
)

// insertUser stores a user and makes them a member of the transaction's tenant. It fails with Conflict if the username or the email is taken. It
// looks at the username first, so that nobody finds out whether an email is registered without leaving a user.
func insertUser(ctx context.Context, tx postgres.Tx, u api.User, phc string) error {
	if u.Username != nil {
		switch there, err := selectAccount(ctx, tx, string(*u.Username)); {
		case err != nil:
			return err
		case there.id != uuid.Nil:
			return usernameTaken(nil)
		}
	}
	_, err := tx.Exec(ctx, insertUserSQL, u.ID, string(u.Email), (*string)(u.Username), phc, u.CreatedAt)
	switch {
	case postgres.Violates(err, "users_email_key"):
		return fault.New(fault.Conflict, "a user with this email exists already", fault.Field("email"), fault.Cause(err))
	case postgres.Violates(err, "users_username_key"):
		return usernameTaken(err)
	case err != nil:
		return err
	}
	_, err = tx.Exec(ctx, insertMembershipSQL, u.ID, texts(u.Roles))
	return err
}

// usernameTaken returns the Conflict fault of a username; cause may be nil.
func usernameTaken(cause error) error {
	return fault.New(fault.Conflict, "this username is taken", fault.Field("username"), fault.Cause(cause))
}

const selectUserSQL = `
	select u.id, u.email, u.username, m.roles, u.created_at from users u
	join memberships m on m.user_id = u.id and m.tenant_id = maas_tenant() where u.id = $1`

// selectUser returns the principal's user in the transaction's tenant. It fails with Unauthenticated if the user is no member any more, since
// access tokens stay valid for seconds after that.
func selectUser(ctx context.Context, tx postgres.Tx, who auth.Principal) (api.User, error) {
	user := api.User{Tenant: who.TenantName}
	var roles []string
	var username *string
	err := tx.QueryRow(ctx, selectUserSQL, who.User).Scan(&user.ID, (*string)(&user.Email), &username, &roles, &user.CreatedAt)
	if postgres.NotFound(err) {
		return api.User{}, fault.New(fault.Unauthenticated, "This account is no more; sign in again.")
	}
	user.Username, user.Roles, user.CreatedAt = (*api.Username)(username), named[api.Role](roles), user.CreatedAt.UTC()
	return user, err
}

const selectMembershipsSQL = `select tenant_id, tenant, roles from auth_memberships($1)`

// memberships returns the user's memberships in all tenants, the first joined first.
func memberships(ctx context.Context, tx postgres.Tx, user uuid.UUID) ([]membership, error) {
	rows, err := tx.Query(ctx, selectMembershipsSQL, user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (membership, error) {
		var m membership
		var roles []string
		err := row.Scan(&m.tenant, (*string)(&m.Tenant), &roles)
		m.Roles = named[api.Role](roles)
		return m, err
	})
}

const selectPasswordSQL = `select password from users where id = $1`

// selectPassword returns the PHC string of a user's password.
func selectPassword(ctx context.Context, tx postgres.Tx, user uuid.UUID) (phc string, err error) {
	err = tx.QueryRow(ctx, selectPasswordSQL, user).Scan(&phc)
	return phc, err
}

const updatePasswordSQL = `update users set password = $2 where id = $1`

// updatePassword sets the PHC string of a user's password. It fails if there is no such user.
func updatePassword(ctx context.Context, tx postgres.Tx, user uuid.UUID, phc string) error {
	tag, err := tx.Exec(ctx, updatePasswordSQL, user, phc)
	if err == nil && tag.RowsAffected() != 1 {
		return fmt.Errorf("identity: %d users have the id %s", tag.RowsAffected(), user)
	}
	return err
}

// texts converts a list of names to strings, as the database driver takes them. For nil it returns an empty list.
func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = string(one)
	}
	return out
}

// named converts strings to a list of names. It keeps nil, since for scopes and models nil means no limit.
func named[T ~string](list []string) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, one := range list {
		out[i] = T(one)
	}
	return out
}
