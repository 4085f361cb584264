package stores

import (
	"context"
	"log/slog"
	"net/url"
	"os/exec"
	"path/filepath"
)

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
		settings = append(settings, "fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=4GB")
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

func (c *cluster) url(role, database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {c.run}}.Encode(),
	}).String()
}
