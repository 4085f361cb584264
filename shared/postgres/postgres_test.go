package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/mounttest"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

const insertSQL = `insert into audit_entries (id, actor, action, resource, outcome) values ($1, 'user:x', 'a.b', 'r', 'done')`

func insert(ctx context.Context, tx postgres.Tx) error {
	_, err := tx.Exec(ctx, insertSQL, uuid.New())
	return err
}

func count(t *testing.T, db *postgres.DB, tenant uuid.UUID) (n int) {
	t.Helper()
	err := db.Tx(t.Context(), tenant, func(tx postgres.Tx) error {
		return tx.QueryRow(t.Context(), "select count(*) from audit_entries").Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestATenantSeesItsOwnRowsAlone(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Catalog)
	mine, other := uuid.New(), uuid.New()
	if err := db.Tx(t.Context(), mine, func(tx postgres.Tx) error { return insert(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	if got := count(t, db, mine); got != 1 {
		t.Errorf("its tenant sees %d rows, want 1", got)
	}
	if got := count(t, db, other); got != 0 {
		t.Errorf("another tenant sees %d rows", got)
	}
	err := db.Definer(t.Context(), func(tx postgres.Tx) error { return insert(t.Context(), tx) })
	if err == nil {
		t.Error("a row was written without a tenant")
	}
}

func TestEveryTenantTableForcesRowLevelSecurity(t *testing.T) {
	t.Parallel()
	postgrestest.New(t).Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = 'public' and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
			and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)`)
		if err != nil {
			return err
		}
		open, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if len(open) != 0 {
			t.Errorf("tables with tenant_id and without forced row-level security: %v", open)
		}
		return err
	})
}

func TestTimesAreReadInUTC(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `do $$ begin execute format('alter database %I set timezone to ''Asia/Shanghai''', current_database()); end $$`)
		return err
	})
	var at time.Time
	var text string
	err := db.As(postgres.Catalog).Tx(t.Context(), uuid.New(), func(tx postgres.Tx) error {
		return tx.QueryRow(t.Context(), "select now(), to_json(now()) #>> '{}'").Scan(&at, &text)
	})
	if err != nil || at.Location() != time.UTC || !strings.HasSuffix(text, "+00:00") {
		t.Errorf("%s in %s, %s in JSON, %v", at, at.Location(), text, err)
	}
}

func TestAPasswordThatRotatesInItsFileIsReadForEachNewConnection(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	first, second := login(t, db), login(t, db)
	mount := mounttest.New(t, map[string]string{"url": first.url + "\n"})
	e := newEnv(map[string]string{"DATABASE_URL_FILE": mount.Path("url")})
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	pool, err := postgres.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	user := func(tx postgres.Tx) (name string) {
		if err := tx.QueryRow(t.Context(), "select session_user").Scan(&name); err != nil {
			t.Error(err)
		}
		return name
	}
	catalog := pool.As(postgres.Catalog)
	err = catalog.Tx(t.Context(), uuid.New(), func(old postgres.Tx) error {
		mount.Replace(map[string]string{"url": second.url + "\n"})
		var next func(left int) error // on other connections, since those before are taken, until one is new: the gate had its own
		next = func(left int) error {
			return catalog.Tx(t.Context(), uuid.New(), func(fresh postgres.Tx) error {
				is := user(fresh)
				if is != second.name && left > 0 {
					return next(left - 1)
				}
				if was := user(old); was != first.name || is != second.name {
					t.Errorf("the connection from before is %s's, the new one %s's; want %s and %s", was, is, first.name, second.name)
				}
				return nil
			})
		}
		return next(2)
	})
	if err != nil {
		t.Error(err)
	}
}

// account is a LOGIN role, with the URL that it connects by.
type account struct{ name, url string }

func login(t *testing.T, db postgrestest.Database) account {
	t.Helper()
	name, password := "test_"+strings.ReplaceAll(uuid.NewString(), "-", ""), uuid.NewString()
	do := func(statement string) {
		db.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, statement)
			return err
		})
	}
	do("create role " + name + " login password '" + password + "' in role maas_login")
	t.Cleanup(func() { do("drop role " + name) })
	address, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(name, password)
	return account{name, address.String()}
}

func TestOnCommitFollowsTheCommitAlone(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Catalog)
	var called int
	_ = db.Tx(t.Context(), uuid.New(), func(tx postgres.Tx) error {
		tx.OnCommit(func() { called++ })
		return errors.New("no")
	})
	if called != 0 {
		t.Error("called after a rollback")
	}
	if err := db.Tx(t.Context(), uuid.New(), func(tx postgres.Tx) error { tx.OnCommit(func() { called++ }); return nil }); err != nil {
		t.Fatal(err)
	}
	if called != 1 {
		t.Errorf("called %d times after the commit", called)
	}
}

func TestOnceRunsOnceForRacersWithOneKey(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Catalog)
	tenant := uuid.New()
	ctx := idempotency.With(t.Context(), idempotency.Key{Value: "k", Route: "POST /v1/models"})
	var racers sync.WaitGroup
	answers := make([]uuid.UUID, 8)
	for i := range answers {
		racers.Go(func() {
			var err error
			answers[i], err = postgres.Once(ctx, db, tenant, "user:x", func(tx postgres.Tx) (uuid.UUID, error) {
				return uuid.New(), insert(ctx, tx)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	for _, answer := range answers {
		if answer != answers[0] {
			t.Errorf("answers differ: %v", answers)
		}
	}
	if got := count(t, db, tenant); got != 1 {
		t.Errorf("it ran %d times", got)
	}
}

func TestOnceRefusesTheKeyOfAnotherRequest(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t).As(postgres.Catalog)
	tenant := uuid.New()
	once := func(key idempotency.Key) error {
		ctx := idempotency.With(t.Context(), key)
		_, err := postgres.Once(ctx, db, tenant, "user:x", func(postgres.Tx) (int, error) { return 1, nil })
		return err
	}
	if err := once(idempotency.Key{Value: "k", Route: "POST /a"}); err != nil {
		t.Fatal(err)
	}
	faulttest.AssertKind(t, once(idempotency.Key{Value: "k", Route: "POST /b"}), fault.Unprocessable, "Idempotency-Key")
}

func TestALostConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	err := d.As(postgres.Catalog).Tx(t.Context(), uuid.New(), func(tx postgres.Tx) error {
		var pid int
		if err := tx.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		d.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "select pg_terminate_backend($1, 5000)", pid)
			return err
		})
		_, err := tx.Exec(t.Context(), "select 1")
		return err
	})
	faulttest.AssertKind(t, err, fault.Unavailable)
}

func TestMigrationsGoDownAndUpToTheSameSchema(t *testing.T) {
	t.Parallel()
	address := postgrestest.Empty(t)
	up := func() string {
		if err := postgres.Migrate(t.Context(), slog.New(slog.DiscardHandler), address); err != nil {
			t.Fatal(err)
		}
		return schema(t, address)
	}
	first := up()
	if err := postgres.Unmigrate(t.Context(), address, 0); err != nil {
		t.Fatal(err)
	}
	if second := up(); second != first {
		t.Errorf("the schema differs after down and up:\n%s\n----\n%s", first, second)
	}
}

// schema returns what pg_dump says of the database, without what differs from dump to dump.
func schema(t *testing.T, address string) string {
	t.Helper()
	dump := "pg_dump"
	if path := os.Getenv("PG_DUMP"); path != "" {
		dump = path
	}
	out, err := exec.CommandContext(t.Context(), dump, "--schema-only", address).Output()
	if err != nil {
		t.Fatalf("%s: %v", dump, err)
	}
	var kept []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, `\restrict`) && !strings.HasPrefix(line, `\unrestrict`) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
