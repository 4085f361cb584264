package stores

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/cmd/maas/child"
)

// Postgres is a database for MaaS.
type Postgres struct {
	// URL is the database as functions use it: a LOGIN role without rights of its own, which migrations make a member of maas_login.
	URL string
	// MigrateURL is the same database as its owner, for migrations: a superuser where the server was started here.
	MigrateURL string
}

// The names in a server that was started here. AppRole must be granted what migrations grant to maas_login.
const (
	AppRole  = "maas_app"
	owner    = "postgres"
	database = "maas"
)

// postgres connects to the database that g names, or starts a Postgres with its data in the folder, and creates the database. Stop ends one
// that was started.
func (s *Stores) postgres(ctx context.Context, folder *Folder, g given, public *network, o Options) (Postgres, error) {
	if g.DatabaseURL != "" {
		return connectPostgres(ctx, g)
	}
	cluster, err := openCluster(ctx, folder, public, o)
	if err != nil {
		return Postgres{}, err
	}
	server, err := child.Supervise(ctx, child.Spec{
		Name:    "postgres",
		Log:     o.Log,
		Command: cluster.command,
		Ready:   func(ctx context.Context) error { return pingPostgres(ctx, cluster.url(owner, "postgres")) },
		Stop:    syscall.SIGINT,  // fast shutdown: it ends sessions and writes a checkpoint
		Orphan:  syscall.SIGQUIT, // immediate shutdown: it ends its own children too, and recovers from its log at the next start
	})
	if err != nil {
		return Postgres{}, err
	}
	s.onStop(server.Stop)
	if err := cluster.makeDatabase(ctx); err != nil {
		return Postgres{}, err
	}
	return cluster.addresses(), nil
}

// connectPostgres returns the database that g names, once it has answered. Without a URL for migrations they get the same one.
func connectPostgres(ctx context.Context, g given) (Postgres, error) {
	if err := pingPostgres(ctx, g.DatabaseURL); err != nil {
		return Postgres{}, fmt.Errorf("DATABASE_URL: %w", err)
	}
	if g.MigrateDatabaseURL == "" {
		g.MigrateDatabaseURL = g.DatabaseURL
	}
	return Postgres{URL: g.DatabaseURL, MigrateURL: g.MigrateDatabaseURL}, nil
}

// pingPostgres connects to the server once. It fails if the server does not answer within 10 seconds.
func pingPostgres(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}
