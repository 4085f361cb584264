// Package invarianttest checks what must hold of an installation's state whatever happened to it: the invariants of the design's page on
// data, by their numbers. It looks as the database's owner, and into the store.
package invarianttest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Installation is where the state is.
type Installation struct {
	// Vars are DATABASE_URL (the functions' LOGIN role), MIGRATE_DATABASE_URL (the owner's) and S3_*, as `maas stores` prints them.
	Vars map[string]string
	// Settles is how long the events that are on their way may take: 30 s unless it is set.
	Settles time.Duration
	// Poisoned says that there were events that nobody could act on: its dead letters are no violation.
	Poisoned bool
}

// looking bounds a look at the installation, once its events have arrived.
const looking = time.Minute

// Check waits until all events have arrived, for at most Settles, and fails the test for each invariant that does not hold.
func (i Installation) Check(t testing.TB) {
	t.Helper()
	settles := cmp.Or(i.Settles, 30*time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), settles+looking) // not the test's: it may be called in its cleanup
	defer cancel()
	e := env.New("invariants", i.Vars, slog.New(slog.DiscardHandler))
	defer func() { _ = e.Close(ctx) }()
	store, err := objects.Open(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := pgx.Connect(ctx, i.Vars["MIGRATE_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(ctx) }()
	c := &check{TB: t, ctx: ctx, owner: owner, store: store, db: db, poisoned: i.Poisoned}
	c.settle(settles)
	c.published()
	c.aliases()
	c.chunks()
	c.events()
	c.audit()
	c.rows()
	c.isolation()
}

// check is one look at an installation.
type check struct {
	testing.TB

	ctx   context.Context //nolint:containedctx // it lasts for one call of Check
	owner *pgx.Conn
	store *objects.Store
	db    *postgres.DB

	poisoned bool
}

// none fails the test if the query gives any row; each is a violation of the invariant. The query gives one column of text.
func (c *check) none(invariant, query string, arguments ...any) {
	c.Helper()
	rows, err := c.owner.Query(c.ctx, query, arguments...)
	if err != nil {
		c.Fatalf("%s: %v", invariant, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.Fatalf("%s: %v", invariant, err)
	}
	if len(found) > 0 {
		c.Errorf("%s, but not so: %s", invariant, strings.Join(found, "; "))
	}
}

// equal fails the test unless the two queries, which give one number each, give the same.
func (c *check) equal(what, one, other string) {
	c.Helper()
	c.none(what, fmt.Sprintf(`select a::text || ' and ' || b::text from (select (%s) as a, (%s) as b) as counted where a <> b`, one, other))
}

// tenants returns the ids of all tenants.
func (c *check) tenants() []uuid.UUID {
	c.Helper()
	rows, err := c.owner.Query(c.ctx, `select id from tenants order by id`)
	if err != nil {
		c.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		c.Fatal(err)
	}
	return ids
}
