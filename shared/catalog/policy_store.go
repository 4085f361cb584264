package catalog

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	readPolicySQL = `select formats from policies`
	makePolicySQL = `insert into policies (formats, updated_by) values ($1, $2) on conflict (tenant_id) do nothing`
	lockPolicySQL = `select formats from policies for update`
	putPolicySQL  = `update policies set formats = $1, updated_by = $2, updated_at = now()`
)

// readFormats returns the rules that the tenant has set, the defaults if it has set none.
func readFormats(ctx context.Context, tx postgres.Tx) (p api.FormatPolicy, err error) {
	err = tx.QueryRow(ctx, readPolicySQL).Scan(&p)
	if postgres.NotFound(err) {
		return api.DefaultFormats(), nil
	}
	return p, err
}

// lockFormats is readFormats, but also locks the tenant's row until the transaction ends. It makes the row if there is none.
func lockFormats(ctx context.Context, tx postgres.Tx, actor string) (p api.FormatPolicy, err error) {
	if _, err := tx.Exec(ctx, makePolicySQL, api.DefaultFormats(), actor); err != nil {
		return p, err
	}
	err = tx.QueryRow(ctx, lockPolicySQL).Scan(&p)
	return p, err
}

// putFormats sets the rules of a tenant that has a row.
func putFormats(ctx context.Context, tx postgres.Tx, p api.FormatPolicy, actor string) error {
	_, err := tx.Exec(ctx, putPolicySQL, p, actor)
	return err
}
