package catalog

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	readPolicySQL = `select formats from policies`
	putPolicySQL  = `
		insert into policies (formats, updated_by) values ($1, $2)
		on conflict (tenant_id) do update set formats = excluded.formats, updated_by = excluded.updated_by, updated_at = now()`
)

// readFormats returns the rules that the tenant has set, the defaults if it has set none.
func readFormats(ctx context.Context, tx postgres.Tx) (p api.FormatPolicy, err error) {
	err = tx.QueryRow(ctx, readPolicySQL).Scan(&p)
	if postgres.NotFound(err) {
		return api.DefaultFormats(), nil
	}
	return p, err
}

func putFormats(ctx context.Context, tx postgres.Tx, p api.FormatPolicy, actor string) error {
	_, err := tx.Exec(ctx, putPolicySQL, p, actor)
	return err
}
