package identity_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/identitytest"
	"github.com/17882237881/MaaS/shared/postgres"
)

// tables of identity that belong to tenants, with what a row's tenant is.
func tables() []string {
	return []string{"tenants", "users", "memberships", "sessions", "refresh_tokens", "api_keys"}
}

func TestATenantSeesNothingOfAnother(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	rival := w.Tenant("rival")
	w.RefreshToken(w.Owner)
	w.RefreshToken(rival)
	w.APIKey(w.Owner, "model:read")
	w.APIKey(rival, "model:read")
	db := w.Postgres.As(postgres.Identity)
	count := func(tx postgres.Tx, table string) (n int) {
		if err := tx.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
			t.Errorf("%s: %v", table, err)
		}
		return n
	}
	err := db.Tx(t.Context(), rival.Tenant, func(tx postgres.Tx) error {
		for _, table := range tables() {
			if n := count(tx, table); n != 1 {
				t.Errorf("rival sees %d rows of %s, want its own", n, table)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Definer(t.Context(), func(tx postgres.Tx) error {
		for _, table := range tables() {
			if n := count(tx, table); n != 0 {
				t.Errorf("without a tenant there are %d rows of %s", n, table)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestATenantChangesNothingOfAnother(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	rival := w.Tenant("rival")
	err := w.Postgres.As(postgres.Identity).Tx(t.Context(), rival.Tenant, func(tx postgres.Tx) error {
		tag, err := tx.Exec(t.Context(), `update users set password = 'x' where id = $1`, w.Owner.User)
		if tag.RowsAffected() != 0 {
			t.Error("rival changed a password of acme's")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Postgres.As(postgres.Identity).Tx(t.Context(), rival.Tenant, func(tx postgres.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into memberships (tenant_id, user_id, roles) values ($1, $2, '{owner}')`, w.Owner.Tenant, rival.User)
		return err
	})
	if err == nil {
		t.Error("rival made itself an owner of acme")
	}
}

func TestOtherCapabilitiesKnowNoSecrets(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	for _, role := range []postgres.Role{
		postgres.Catalog, postgres.Transfer, postgres.Deployment, postgres.Usage, postgres.Webhook, postgres.Sweep,
	} {
		db := w.Postgres.As(role)
		for _, sql := range []string{
			"select * from users", "select * from sessions", "select * from refresh_tokens", "select * from api_keys", "select * from revocations",
			"select auth_user('ana@example.com')", "select auth_key('x')", "select auth_revoke('sub', 'x', '1 minute')",
		} {
			err := db.Tx(t.Context(), w.Owner.Tenant, func(tx postgres.Tx) error {
				_, err := tx.Exec(t.Context(), sql)
				return err
			})
			if err == nil {
				t.Errorf("%s may %s", role, sql)
			}
		}
	}
}

func TestTrimForgetsWhatHasExpired(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	w.RefreshToken(w.Owner)
	change(t, w, `update sessions set ended_at = now() - interval '25 hours'`)
	change(t, w, `insert into revocations values ('sid', 'x', now(), now() - interval '2 hours'), ('sid', 'y', now(), now() + interval '1 minute')`)
	forgotten, err := identity.Trim(t.Context(), w.Postgres.DB, 100)
	if err != nil || forgotten != 2 {
		t.Errorf("it forgot %d rows, %v; want the session and one revocation", forgotten, err)
	}
	var tokens int
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "select count(*) from refresh_tokens").Scan(&tokens)
	})
	if tokens != 0 {
		t.Error("the session's tokens are still there")
	}
}
