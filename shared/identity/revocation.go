package identity

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	nowSQL               = `select now()`
	selectRevocationsSQL = `select kind, id, before, expires_at from auth_revocations($1)`
)

// Revocations gives what has been revoked since the asOf of an earlier answer, or all for the zero time. Some may have been given before.
func Revocations(ctx context.Context, db *postgres.DB, since time.Time) (list []auth.Revocation, asOf time.Time, err error) {
	var from *time.Time
	if !since.IsZero() {
		from = &since
	}
	err = db.As(postgres.Identity).Definer(ctx, func(tx postgres.Tx) error {
		if err := tx.QueryRow(ctx, nowSQL).Scan(&asOf); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectRevocationsSQL, from)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (auth.Revocation, error) {
			var r auth.Revocation
			err := row.Scan((*string)(&r.Kind), &r.ID, &r.Before, &r.Expires)
			return r, err
		})
		return err
	})
	return list, asOf, err
}
