package postgres_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

// process opens a pool on the database and returns the process that has it.
func process(t *testing.T, address string) *env.Env {
	t.Helper()
	return logging(t, address, slog.DiscardHandler)
}

func logging(t *testing.T, address string, to slog.Handler) *env.Env {
	t.Helper()
	e := env.New("test", map[string]string{"DATABASE_URL": address}, slog.New(to))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	if _, err := postgres.Open(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if e.Ready() {
		t.Error("it is ready before it has looked")
	}
	return e
}

func awaitReady(t *testing.T, e *env.Env) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !e.Ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not get ready")
		}
	}
}

// staysBack fails if the process gets ready within some looks.
func staysBack(t *testing.T, e *env.Env) {
	t.Helper()
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if e.Ready() {
			t.Fatal("it is ready")
		}
	}
}

// asLogin returns the URL of the functions' LOGIN role on the owner's database, and the role's name.
func asLogin(t *testing.T, owner string) (address, role string) {
	t.Helper()
	login, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	database, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	login.Path = database.Path
	return login.String(), login.User.Username()
}

func TestAProcessWaitsForTheMigration(t *testing.T) {
	t.Parallel()
	owner := postgrestest.Empty(t)
	address, role := asLogin(t, owner)
	e := process(t, address)
	staysBack(t, e)

	if err := postgres.Migrate(t.Context(), slog.New(slog.DiscardHandler), owner, role); err != nil {
		t.Fatal(err)
	}

	awaitReady(t, e)
}

func TestAProcessWaitsForANewerSchemaAndTakesOneNewerThanItsOwn(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	migrated := func(change string) {
		db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, change)
			return err
		})
	}
	awaitReady(t, process(t, db.URL))

	migrated("delete from goose_db_version where version_id = (select max(version_id) from goose_db_version)")
	late := process(t, db.URL)
	staysBack(t, late)

	migrated("insert into goose_db_version (version_id, is_applied) values (99999, true)")
	awaitReady(t, late)
	migrated("delete from goose_db_version where version_id = 99999")
	time.Sleep(50 * time.Millisecond)
	if !late.Ready() {
		t.Error("what was ready looks again")
	}
}

func TestTheReasonIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer // read when the process has ended
	address, _ := asLogin(t, postgrestest.Empty(t))
	e := logging(t, address, slog.NewTextHandler(&log, nil))
	staysBack(t, e)
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "has maas migrate run?"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, &log)
	}
}

func TestADatabaseThatIsNotThereYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	address, _ := asLogin(t, "postgres:///test_nobody_has_made")
	staysBack(t, process(t, address))
}

func TestAnOutageKeepsNoProcessFromBeingReady(t *testing.T) {
	t.Parallel()
	awaitReady(t, process(t, "postgres://ana@127.0.0.1:1/maas?sslmode=disable"))
}
