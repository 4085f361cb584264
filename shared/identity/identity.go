// Package identity knows who there is: tenants, users and their passwords, sessions and their refresh tokens, API keys, and what was revoked.
//
// Rows belong to tenants. What must be read before the tenant is known (a user by email, a token by its hash, a key by its id) is reached through
// the SECURITY DEFINER functions of migration 00002 alone.
package identity

import (
	"context"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// What the audit log calls the acts of this package.
const (
	tenantCreated   audit.Action = "tenant.create"
	sessionCreated  audit.Action = "session.create"
	sessionRenewed  audit.Action = "session.refresh"
	sessionEnded    audit.Action = "session.end"
	passwordChanged audit.Action = "password.change"
	keyCreated      audit.Action = "key.create"
	keyDeleted      audit.Action = "key.delete"
)

// openDB returns the process's pool for transactions as the role Identity. It fails if the configuration is invalid, and does not wait for the server.
func openDB(ctx context.Context, e *env.Env) (*postgres.DB, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	return db.As(postgres.Identity), nil
}

// Trim deletes expired sessions and old revocations and counts of failures of all tenants, up to most rows of each kind. It returns how many rows
// it deleted. Sweep calls it.
func Trim(ctx context.Context, db *postgres.DB, most int) (forgotten int64, err error) {
	err = db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) (err error) {
		forgotten, err = trimIdentity(ctx, tx, most)
		return err
	})
	return forgotten, err
}
