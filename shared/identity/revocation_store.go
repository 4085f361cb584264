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

// selectRevocations returns the revocations since the time, or all if it is nil. asOf is the database's time at the start of the transaction.
func selectRevocations(ctx context.Context, tx postgres.Tx, since *time.Time) (list []auth.Revocation, asOf time.Time, err error) {
	if err := tx.QueryRow(ctx, nowSQL).Scan(&asOf); err != nil {
		return nil, asOf, err
	}
	rows, err := tx.Query(ctx, selectRevocationsSQL, since)
	if err != nil {
		return nil, asOf, err
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (auth.Revocation, error) {
		var r auth.Revocation
		err := row.Scan((*string)(&r.Kind), &r.ID, &r.Before, &r.Expires)
		return r, err
	})
	return list, asOf, err
}
