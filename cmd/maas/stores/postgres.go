package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

func (s *Stores) postgres(ctx context.Context, folder *Folder, g given, o Options) (Postgres, error) {
	if g.DatabaseURL != "" {
		return connectPostgres(ctx, g)
	}
	cluster, err := openCluster(ctx, folder, o)
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
	return Postgres{URL: cluster.url(AppRole, database), MigrateURL: cluster.url(owner, database)}, nil
}

func connectPostgres(ctx context.Context, g given) (Postgres, error) {
	if err := pingPostgres(ctx, g.DatabaseURL); err != nil {
		return Postgres{}, fmt.Errorf("DATABASE_URL: %w", err)
	}
	if g.MigrateDatabaseURL == "" {
		g.MigrateDatabaseURL = g.DatabaseURL
	}
	return Postgres{URL: g.DatabaseURL, MigrateURL: g.MigrateDatabaseURL}, nil
}

// cluster is what Postgres calls one server's data.
type cluster struct {
	programs programs
	account  account
	data     string // PGDATA
	run      string // folder of the socket
	log      *slog.Logger
	fast     bool
}

// openCluster makes the data at the first start, and clears what a crash left in the way.
func openCluster(ctx context.Context, folder *Folder, o Options) (*cluster, error) {
	home, err := folder.Sub("postgres")
	if err != nil {
		return nil, err
	}
	run, err := folder.sockets()
	if err != nil {
		return nil, err
	}
	c := &cluster{data: filepath.Join(home, "data"), run: run, log: o.Log, fast: o.Fast}
	if c.programs, err = findPrograms(ctx, c.data, o.Log); err != nil {
		return nil, err
	}
	if c.account, err = accountFor(c.data); err != nil {
		return nil, err
	}
	prepare := c.initialise
	if exists(c.data) {
		prepare = c.clear
	}
	if err := prepare(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// initialise makes the data in a folder of its own and moves it to its place when it is whole. What a crash cut short is not used
// again: programs of that initdb may live a moment longer.
func (c *cluster) initialise(ctx context.Context) error {
	home := filepath.Dir(c.data)
	cut, _ := filepath.Glob(filepath.Join(home, "initdb-*")) // what is missed takes space, no more
	for _, folder := range cut {
		_ = os.RemoveAll(folder)
	}
	fresh, err := os.MkdirTemp(home, "initdb-")
	if err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	if err := c.account.own(fresh); err != nil {
		return err
	}
	if err := c.initdb(ctx, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, c.data); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	return nil
}

func (c *cluster) initdb(ctx context.Context, folder string) error {
	arguments := []string{
		"--pgdata", folder, "--username", owner, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
	}
	if c.fast {
		arguments = append(arguments, "--no-sync")
	}
	var output bytes.Buffer
	process, err := child.Start(ctx, child.Spec{
		Name: "initdb",
		Log:  c.log,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(c.programs.path("initdb"), arguments...)
			cmd.Stdout, cmd.Stderr = &output, &output
			cmd.SysProcAttr = c.account.attributes()
			cmd.Dir = "/"
			return cmd, nil
		},
	})
	if err != nil {
		return err
	}
	select {
	case <-process.Done():
	case <-ctx.Done():
		process.Stop(ctx)
		return ctx.Err()
	}
	if process.Err() != nil {
		return fmt.Errorf("initdb: %w: %s", process.Err(), strings.TrimSpace(output.String()))
	}
	return nil
}

// command starts the server on a socket alone. Trust is safe there: the socket's folder is this user's alone.
func (c *cluster) command() (*exec.Cmd, error) {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + c.run, "unix_socket_permissions=0700",
		"max_connections=300", "shared_buffers=128MB", "dynamic_shared_memory_type=mmap",
		"wal_level=minimal", "max_wal_senders=0", "max_logical_replication_workers=0", "jit=off", "timezone=UTC",
		// LOG, FATAL and PANIC: an ERROR is its client's to report.
		"logging_collector=off", "log_destination=stderr", "log_min_messages=log", "log_min_error_statement=panic",
		"log_line_prefix=", "log_timezone=UTC", "log_checkpoints=off",
	}
	if c.fast {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=4GB")
	}
	arguments := []string{"-D", c.data}
	for _, setting := range settings {
		arguments = append(arguments, "-c", setting)
	}
	cmd := exec.Command(c.programs.path("postgres"), arguments...)
	cmd.SysProcAttr = c.account.attributes()
	cmd.Dir = "/"
	return cmd, nil
}

// makeDatabase makes the database and the functions' role where they are missing.
func (c *cluster) makeDatabase(ctx context.Context) error {
	const (
		findRole     = "select count(*) from pg_roles where rolname = $1"
		makeRole     = "create role " + AppRole + " login nosuperuser nocreatedb nocreaterole"
		findDatabase = "select count(*) from pg_database where datname = $1"
		makeDatabase = "create database " + database
	)
	conn, err := pgx.Connect(ctx, c.url(owner, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	return errors.Join(
		ensure(ctx, conn, findRole, AppRole, makeRole),
		ensure(ctx, conn, findDatabase, database, makeDatabase),
		conn.Close(ctx))
}

func ensure(ctx context.Context, conn *pgx.Conn, find, name, create string) error {
	var found int
	if err := conn.QueryRow(ctx, find, name).Scan(&found); err != nil {
		return fmt.Errorf("look for %s: %w", name, err)
	}
	if found > 0 {
		return nil
	}
	if _, err := conn.Exec(ctx, create); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	return nil
}

func (c *cluster) url(role, database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {c.run}}.Encode(),
	}).String()
}

func pingPostgres(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}
