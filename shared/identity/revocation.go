package identity

import (
	"context"
	"time"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Revocations returns what was revoked since asOf of an earlier call, or all revocations for the zero time. Some may have been returned before. The
// new asOf is for the next call.
func Revocations(ctx context.Context, db *postgres.DB, since time.Time) (list []auth.Revocation, asOf time.Time, err error) {
	var from *time.Time
	if !since.IsZero() {
		from = &since
	}
	err = db.As(postgres.Identity).Definer(ctx, func(tx postgres.Tx) (err error) {
		list, asOf, err = selectRevocations(ctx, tx, from)
		return err
	})
	return list, asOf, err
}
