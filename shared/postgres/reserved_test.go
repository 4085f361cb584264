package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

// TestTheMigrationReportsTenantsWithReservedNames migrates a database that has a tenant of each reserved name, and one of another. When the list of names
// grows, it wants a migration that reports the new ones.
func TestTheMigrationReportsTenantsWithReservedNames(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	var reserved []string
	for _, name := range append(ref.FirstSegments(), ref.InferenceSegments()...) {
		if _, err := ref.ParseTenant(name); err == nil && !slices.Contains(reserved, name) {
			reserved = append(reserved, name)
		}
	}
	db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `insert into tenants (id, name) select gen_random_uuid(), unnest($1::text[])`, append(reserved, "acme"))
		return err
	})
	if err := postgres.Unmigrate(t.Context(), db.OwnerURL, 18); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer

	if err := postgres.Migrate(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), db.OwnerURL); err != nil {
		t.Fatal(err)
	}

	for _, name := range reserved {
		if n := strings.Count(log.String(), `The tenant name \"`+name+`\" is reserved`); n != 1 {
			t.Errorf("%s is reported %d times", name, n)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != strings.Count(log.String(), "\n") || strings.Contains(log.String(), "acme") {
		t.Errorf("the log is\n%s", log.String())
	}
}
