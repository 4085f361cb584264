package invarianttest

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/postgres"
)

// isolation checks invariant 8: in a transaction of one tenant no role sees another tenant's rows, and without a tenant it sees none. It looks at
// the last eight tenants.
func (c *check) isolation() {
	c.Helper()
	rows, err := c.owner.Query(c.ctx, `
		select t.relname, r.rolname from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attname = 'tenant_id', pg_roles r
		where t.relkind in ('r', 'p') and t.relnamespace = 'public'::regnamespace and t.relname <> 'dead_letters'
			and r.rolname = any($1) and has_table_privilege(r.oid, t.oid, 'select')`,
		[]postgres.Role{postgres.Identity, postgres.Catalog, postgres.Transfer, postgres.Deployment, postgres.Usage, postgres.Webhook, postgres.Sweep})
	if err != nil {
		c.Fatal(err)
	}
	type right struct{ Table, Role string }
	rights, err := pgx.CollectRows(rows, pgx.RowToStructByPos[right])
	if err != nil {
		c.Fatal(err)
	}
	if len(rights) == 0 {
		c.Error("8: no role may read any table of the tenants'")
	}
	const enough = 8 // of the tenants: the rules are the same for all
	tenants := c.tenants()
	for _, tenant := range append(tenants[max(0, len(tenants)-enough):], uuid.Nil) {
		for _, r := range rights {
			c.sees(r.Table, postgres.Role(r.Role), tenant)
		}
	}
}

// sees fails the test if a transaction of the role and the tenant sees rows of other tenants in the table.
func (c *check) sees(table string, role postgres.Role, tenant uuid.UUID) {
	c.Helper()
	var others int
	err := c.db.As(role).Tx(c.ctx, tenant, func(tx postgres.Tx) error {
		query := fmt.Sprintf("select count(*) from %s where tenant_id <> $1", pgx.Identifier{table}.Sanitize())
		return tx.QueryRow(c.ctx, query, tenant).Scan(&others)
	})
	if err != nil || others != 0 {
		c.Errorf("8: as %s of tenant %s, %d rows of others are seen in %s: %v", role, tenant, others, table, err)
	}
}
