package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

// named returns the database's URL as another role, which goes with the test.
func named(t *testing.T, db postgrestest.Database, password string) (role, address string) {
	t.Helper()
	role = "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, password)
	t.Cleanup(func() { run(t, db, "drop role if exists "+role) })
	return role, u.String()
}

func run(t *testing.T, db postgrestest.Database, statement string) {
	t.Helper()
	db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

// verifier returns what the server keeps of a role's password.
func verifier(t *testing.T, db postgrestest.Database, role string) (kept string) {
	t.Helper()
	db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "select coalesce(rolpassword, '') from pg_authid where rolname = $1", role).Scan(&kept)
	})
	return kept
}

func TestALoginIsMadeByThoseWhoComeAtOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	role, address := named(t, db, "it's a secret")

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := postgres.EnsureLogin(t.Context(), db.OwnerURL, address); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	if kept := verifier(t, db, role); !strings.HasPrefix(kept, "SCRAM-SHA-256$4096:") {
		t.Errorf("the server keeps %q", kept)
	}
}

func TestALoginThatCannotConnectIsGivenItsPassword(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	role, address := named(t, db, "second")
	run(t, db, "create role "+role+" nologin password 'first'")
	before := verifier(t, db, role)

	if err := postgres.EnsureLogin(t.Context(), db.OwnerURL, address); err != nil {
		t.Fatal(err)
	}

	if verifier(t, db, role) == before {
		t.Error("it has the former password")
	}
}

func TestALoginThatConnectsStaysAsItIs(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	role, address := named(t, db, "whatever: the server trusts its socket")
	run(t, db, "create role "+role+" login")

	if err := postgres.EnsureLogin(t.Context(), "postgres://nobody@localhost:1/nowhere", address); err != nil {
		t.Fatal(err)
	}

	if kept := verifier(t, db, role); kept != "" {
		t.Errorf("it was given a password, %q", kept)
	}
}

func TestAPasswordThatWouldHaveToBePreparedIsRefused(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	_, address := named(t, db, "schlüssel")

	if err := postgres.EnsureLogin(t.Context(), db.OwnerURL, address); err == nil || strings.Contains(err.Error(), "schl") {
		t.Errorf("err = %v", err)
	}
}
