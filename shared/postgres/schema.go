package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
)

// gate keeps the process from being ready until its database has once said that its schema is as new as the program's, so that functions
// which are applied beside the job that migrates wait for it. A newer schema is right too: migrations expand first, and contract in a
// later version.
//
// A server that cannot be reached keeps nothing: then calls are answered 503 with Retry-After, which says more than an address without pods
// behind it, and an outage takes no pod out. After the one good answer nobody asks again, so that whatever becomes of the database, pods
// that were ready stay it.
type gate struct {
	pool   *pgxpool.Pool
	needed int64 // the newest migration that the program has
	env    *env.Env
	open   func() // lets the process be ready; nil while nothing keeps it
	told   string // what was logged last
}

const (
	firstLook = 20 * time.Millisecond // the pauses double up to the last
	lastLook  = time.Second
	lookTime  = 5 * time.Second // for one look
)

// newGate returns a closed gate: the process is not ready until follow opens it.
func newGate(e *env.Env, pool *pgxpool.Pool) (*gate, error) {
	needed, err := newestMigration()
	return &gate{pool: pool, needed: needed, env: e, open: e.Hold()}, err
}

// newestMigration returns the number of the newest embedded migration.
func newestMigration() (newest int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	for _, file := range files {
		number, err := goose.NumericComponent(file)
		if err != nil {
			return 0, fmt.Errorf("migrations: %w", err)
		}
		newest = max(newest, number)
	}
	return newest, nil
}

// follow looks at the database until its schema is new enough, or ctx ends. It opens and closes the gate by what it sees.
func (g *gate) follow(ctx context.Context) {
	for pauses := (backoff.Backoff{First: firstLook, Longest: lastLook, Factor: 2}); !g.look(ctx); {
		if pauses.Wait(ctx) != nil {
			return
		}
	}
}

// look asks the database for its schema once. It opens the gate if the schema is new enough, or if the server is away, and closes it if the schema
// is too old or the server refuses. settled is true only if the schema is new enough.
func (g *gate) look(ctx context.Context) (settled bool) {
	version, err := g.version(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && version >= g.needed:
		g.pass()
		return true
	case err == nil:
		g.keep(ctx, fmt.Sprintf("the database's schema has version %d, and this program needs %d: has maas migrate run?", version, g.needed))
	case fault.Is(err, fault.Unavailable):
		g.pass()
		g.tell(ctx, "the database is away")
	default:
		g.keep(ctx, "the database refuses us: "+err.Error())
	}
	return false
}

// pass lets the process be ready.
func (g *gate) pass() {
	if g.open != nil {
		g.open()
		g.open = nil
	}
}

// keep makes the process not ready, and logs the reason.
func (g *gate) keep(ctx context.Context, reason string) {
	if g.open == nil {
		g.open = g.env.Hold()
	}
	g.tell(ctx, reason)
}

// tell logs the reason unless it logged the same reason last.
func (g *gate) tell(ctx context.Context, reason string) {
	if g.told != reason {
		g.told = reason
		g.env.Logger().WarnContext(ctx, "the schema is not known to be there", "ready", g.open == nil, "reason", reason)
	}
}
