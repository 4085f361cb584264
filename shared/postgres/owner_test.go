package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/postgrestest"
)

// The owner at a cloud's provider is what a provider gives out: a role that may make roles, and has made ours.
func TestTheOwnerNeedsNoSuperuser(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	owner, address := named(t, db, "a password")
	own := "own_" + owner
	t.Cleanup(func() { run(t, db, "drop database if exists "+own) })
	run(t, db, fmt.Sprintf("create role %s login createrole password 'a password'", owner))
	run(t, db, "grant maas_definer, maas_login, maas_identity, maas_catalog, maas_transfer, maas_deployment, maas_usage, maas_webhook, maas_sweep to "+
		owner+" with admin option")
	run(t, db, fmt.Sprintf("create database %s owner %s", own, owner))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + own

	if err := postgres.Migrate(t.Context(), slog.New(slog.DiscardHandler), u.String()); err != nil {
		t.Fatal(err)
	}

	// What maas_definer's functions see is every tenant's.
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("begin")
	exec("select set_config('maas.tenant', $1, true)", uuid.NewString())
	exec("insert into outbox (id, source, type, subject, data, time) values (gen_random_uuid(), 's', 't', 's', '{}', now() - interval '1 minute')")
	exec("commit")
	var oldest float64
	if err := conn.QueryRow(t.Context(), "select oldest_seconds from trail_backlog()").Scan(&oldest); err != nil {
		t.Fatal(err)
	}
	if oldest < 60 {
		t.Errorf("the oldest event that the operator is told of is %.0f s old", oldest)
	}
}
