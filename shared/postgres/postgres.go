// Package postgres opens the pool of a process and runs transactions as one capability's role and one tenant.
//
// Nothing here needs a session: no LISTEN, no session locks, no prepared statements by name, so PgBouncer in transaction mode works.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Role is the database role of a capability. A transaction is run as one.
type Role string

// The roles; the migrations say what each is granted.
const (
	Identity   Role = "maas_identity"
	Catalog    Role = "maas_catalog"
	Transfer   Role = "maas_transfer"
	Deployment Role = "maas_deployment"
	Usage      Role = "maas_usage"
	Webhook    Role = "maas_webhook"
	Sweep      Role = "maas_sweep"
)

type config struct {
	URL     string        `env:"DATABASE_URL,required"`
	Pool    int32         `env:"DATABASE_POOL" envDefault:"4"`     // connections of one process
	Queue   int64         `env:"DATABASE_QUEUE" envDefault:"4096"` // transactions that wait for one
	Connect time.Duration `env:"DATABASE_CONNECT_TIMEOUT" envDefault:"3s"`
}

// DB is the process's pool, seen as one capability.
type DB struct {
	pool        *pgxpool.Pool
	connections *share.Slots
	role        Role
}

// Open returns the process's pool, which the first call opens with DATABASE_URL. It fails if the configuration is
// invalid, but does not wait for the server: while that is unreachable, transactions fail with Unavailable. The process
// is not ready while the database's schema is older than the program's. Each new connection reads user and password
// again, since they rotate; open connections stay.
func Open(_ context.Context, e *env.Env) (*DB, error) {
	return env.Once(e, "postgres", func(ctx context.Context) (*DB, func(context.Context) error, error) {
		var c config
		if err := e.Config(&c); err != nil {
			return nil, nil, err
		}
		pool, err := open(ctx, c, func() (string, error) { return e.Secret("DATABASE_URL") })
		if err != nil {
			return nil, nil, err
		}
		connections, err := divide(e, c)
		if err != nil {
			return nil, nil, err
		}
		schema, err := newGate(e, pool)
		if err != nil {
			return nil, nil, err
		}
		e.Go(schema.follow)
		return &DB{pool: pool, connections: connections}, func(ctx context.Context) error { return closePool(ctx, pool) }, nil
	})
}

// divide returns one slot for each connection of the pool. Callers who want a connection wait for a slot, by the rule of share.Slots. It fails if
// the pool or its queue is configured too small.
func divide(e *env.Env, c config) (*share.Slots, error) {
	if c.Pool < 1 || c.Queue < share.Lone {
		return nil, fmt.Errorf("DATABASE_POOL is %d and DATABASE_QUEUE %d; they are at least 1 and %d", c.Pool, c.Queue, share.Lone)
	}
	queue := share.NewPool(share.Limit{Most: c.Queue, Noun: "places for those who wait for the database", Setting: "DATABASE_QUEUE"})
	return share.NewSlots(int(c.Pool), queue), telemetry.RegisterShare(e, "database_queue", queue.Stats)
}

// closePool closes the pool once all transactions have ended. It fails if ctx ends before; those that go on end with the process.
func closePool(ctx context.Context, pool *pgxpool.Pool) error {
	closed := make(chan struct{})
	go func() { pool.Close(); close(closed) }() // ends with the last transaction
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return errors.New("postgres: transactions went on at the end")
	}
}

// open returns a pool with the configuration. Each new connection takes its user and password from the URL that current returns then. It fails if
// the configuration is invalid, and does not connect.
func open(ctx context.Context, c config, current func() (string, error)) (*pgxpool.Pool, error) {
	parsed, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	parsed.MaxConns = c.Pool
	parsed.ConnConfig.ConnectTimeout = c.Connect
	parsed.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // no named statements: PgBouncer
	parsed.ConnConfig.RuntimeParams["timezone"] = "UTC"                     // for times within JSON, whatever the server's own is
	parsed.AfterConnect = scanUTC
	parsed.BeforeConnect = func(_ context.Context, conn *pgx.ConnConfig) error {
		url, err := current()
		if err != nil {
			return err
		}
		fresh, err := pgx.ParseConfig(url)
		if err != nil {
			return fmt.Errorf("DATABASE_URL: %w", err)
		}
		conn.User, conn.Password = fresh.User, fresh.Password
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, parsed)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pool, nil
}

// scanUTC has the connection return times in UTC, whatever the process's own zone is. It never fails.
func scanUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

// As returns the same pool for transactions as the role.
func (db *DB) As(role Role) *DB { return &DB{pool: db.pool, connections: db.connections, role: role} }

// Ping fails with Unavailable if the server does not answer.
func (db *DB) Ping(ctx context.Context) error { return classify(ctx, db.pool.Ping(ctx)) }
