// Package postgrestest gives each test a migrated database of its own, copied from a template in some tens of milliseconds.
//
// It takes the server of MIGRATE_DATABASE_URL (a superuser's) and DATABASE_URL (the functions' LOGIN role), which `maas stores` sets.
package postgrestest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Database is a migrated database that goes with its test.
type Database struct {
	*postgres.DB

	URL      string // for functions: the LOGIN role
	OwnerURL string // for looking behind row-level security
}

// New creates a migrated database, which is dropped when the test ends. It ends the test on an error, also if there is no server: it never skips it.
func New(t testing.TB) Database {
	t.Helper()
	owner, app := urls(t)
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	maintain(t, owner, func(ctx context.Context, conn *pgx.Conn) error {
		template, err := ensureTemplate(ctx, conn, owner, app)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, fmt.Sprintf("create database %s template %s", name, template))
		return err
	})
	d := Database{URL: with(app, name), OwnerURL: with(owner, name)}
	e := env.New("test", map[string]string{"DATABASE_URL": d.URL}, slog.New(slog.DiscardHandler))
	db, err := postgres.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	d.DB = db
	t.Cleanup(func() { drop(t, e, owner, name) })
	return d
}

// Empty creates a database without migrations, which is dropped when the test ends, and returns its owner's URL. It ends the test as New does.
func Empty(t testing.TB) string {
	t.Helper()
	owner, _ := urls(t)
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	maintain(t, owner, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "create database "+name)
		return err
	})
	t.Cleanup(func() { drop(t, nil, owner, name) })
	return with(owner, name)
}

// Owner runs do on a connection of the database's owner, whom row-level security does not bind, so that it sees the rows of all tenants. It ends
// the test on an error.
func (d Database) Owner(t testing.TB, do func(ctx context.Context, conn *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, d.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := do(ctx, conn); err != nil {
		t.Fatal(err)
	}
}

const (
	patience     = time.Minute
	templateLock = 7308324466065634403 // "maastemp", any constant that all test processes share
)

// ensureTemplate returns the name of the template for this program's migrations, and creates it if no test process has done so. Under an advisory
// lock, other processes wait.
func ensureTemplate(ctx context.Context, conn *pgx.Conn, owner, app string) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(postgres.Migrations(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(postgres.Migrations(), path)
		sum.Write(text)
		return err
	})
	if err != nil {
		return "", err
	}
	name := "template_" + hex.EncodeToString(sum.Sum(nil)[:8])
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(templateLock)); err != nil {
		return "", err
	}
	defer func() { _, _ = conn.Exec(ctx, "select pg_advisory_unlock($1)", int64(templateLock)) }()
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&there); err != nil || there {
		return name, err
	}
	return name, makeTemplate(ctx, conn, name, owner, app)
}

// makeTemplate creates and migrates the template. It gets its name last, so that one that was left half-made is not used.
func makeTemplate(ctx context.Context, conn *pgx.Conn, name, owner, app string) error {
	draft := name + "_draft" // a template that a killed process left half-made must not be taken for one
	if _, err := conn.Exec(ctx, "drop database if exists "+draft); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "create database "+draft); err != nil {
		return err
	}
	login, err := url.Parse(app)
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, slog.New(slog.DiscardHandler), with(owner, draft), login.User.Username()); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s rename to %s", draft, name))
	return err
}

// urls returns MIGRATE_DATABASE_URL and DATABASE_URL. It ends the test if one is not set.
func urls(t testing.TB) (owner, app string) {
	t.Helper()
	owner, app = os.Getenv("MIGRATE_DATABASE_URL"), os.Getenv("DATABASE_URL")
	if owner == "" || app == "" {
		t.Fatal("MIGRATE_DATABASE_URL and DATABASE_URL are not set: run the tests by `make test`, or under `bin/maas stores --fast -- go test …`")
	}
	return owner, app
}

// with returns the server's URL with the database in its path. It returns a malformed URL as it is.
func with(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	u.Path = "/" + database
	return u.String()
}

// drop closes e, which may be nil, and drops the database, also if it has connections.
func drop(t testing.TB, e *env.Env, owner, name string) {
	if e != nil {
		_ = e.Close(context.Background())
	}
	maintain(t, owner, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, fmt.Sprintf("drop database if exists %s with (force)", name))
		return err
	})
}

// maintain runs do on a connection to the server's maintenance database. It ends the test on an error.
func maintain(t testing.TB, owner string, do func(ctx context.Context, conn *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // not the test's context: this also runs in its cleanup
	defer cancel()
	conn, err := pgx.Connect(ctx, with(owner, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := do(ctx, conn); err != nil {
		t.Fatal(err)
	}
}
