package identity_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/identitytest"
)

// TestKeysFromBeforeAreBoundByTheMigration runs the migration down and up again, with a key for a model that is older than the key, one that is newer, and
// one that there is not.
func TestKeysFromBeforeAreBoundByTheMigration(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	keys, _ := openKeys(t, w)
	older, newer := makeModel(t, w, "older"), makeModel(t, w, "newer")
	makeModel(t, w, "gone")
	of := func(name string) ref.Pattern { return ref.Pattern{Tenant: "acme", Name: name} }
	create(t, keys, w, api.CreateKeyRequest{Name: "ci", Scopes: []api.Scope{"model:read"}, Models: []ref.Pattern{of("older"), of("newer"), of("gone")}})
	create(t, keys, w, api.CreateKeyRequest{Name: "all", Scopes: []api.Scope{"model:read"}})
	change(t, w, `delete from models where name = 'gone'`)
	change(t, w, `update models set created_at = now() + interval '1 hour' where id = $1`, newer)
	text, err := os.ReadFile("../postgres/migrations/00015_key_models.sql")
	if err != nil {
		t.Fatal(err)
	}
	up, down, _ := strings.Cut(string(text), "-- +goose Down")

	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "begin;"+down+up+"commit;")
		return err
	})

	var ids []*uuid.UUID
	var unlimited int
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		if err := conn.QueryRow(ctx, `select model_ids from api_keys where name = 'ci'`).Scan(&ids); err != nil {
			return err
		}
		return conn.QueryRow(ctx, `select count(*) from api_keys where name = 'all' and models is null and model_ids is null`).Scan(&unlimited)
	})
	if len(ids) != 3 || ids[0] == nil || *ids[0] != older || ids[1] != nil || ids[2] != nil || unlimited != 1 {
		t.Errorf("they are bound to %v", ids)
	}
}
