package stores

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// cluster is what Postgres calls one server's data.
type cluster struct {
	programs programs
	account  account
	data     string // PGDATA
	run      string // folder of the socket
	public   *network
	log      *slog.Logger
	fast     bool
}

// openCluster finds Postgres and prepares its data: the first start creates the data, and later ones clear what a crash left. It does not
// start the server.
func openCluster(ctx context.Context, folder *Folder, public *network, o Options) (*cluster, error) {
	home, err := folder.Sub("postgres")
	if err != nil {
		return nil, err
	}
	run, err := folder.Sockets()
	if err != nil {
		return nil, err
	}
	c := &cluster{data: filepath.Join(home, "data"), run: run, public: public, log: o.Log, fast: o.Fast}
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
	if err := c.writeRules(); err != nil {
		return nil, err
	}
	return c, nil
}

// command returns the command that starts the server. It listens on a socket, and at the public address if there is one.
func (c *cluster) command() (*exec.Cmd, error) {
	settings := []string{
		"unix_socket_directories=" + c.run, "unix_socket_permissions=0700",
		"max_connections=300", "shared_buffers=128MB", "dynamic_shared_memory_type=mmap",
		"wal_level=minimal", "max_wal_senders=0", "max_logical_replication_workers=0", "jit=off", "timezone=UTC",
		// LOG, FATAL and PANIC: an ERROR is its client's to report.
		"logging_collector=off", "log_destination=stderr", "log_min_messages=log", "log_min_error_statement=panic",
		"log_line_prefix=", "log_timezone=UTC", "log_checkpoints=off",
	}
	settings = append(settings, c.listening()...)
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

// listening returns the settings that say where the server listens. Connections by the socket need no password: its folder is this user's
// alone.
func (c *cluster) listening() []string {
	if c.public == nil {
		return []string{"listen_addresses="}
	}
	return []string{"listen_addresses=" + c.public.host, "port=" + c.port(), "hba_file=" + c.rules()}
}

// port returns the server's port. It is part of the socket's name too.
func (c *cluster) port() string {
	if c.public == nil {
		return "5432"
	}
	return strconv.Itoa(PostgresPort)
}

// rules returns the path of the file that says who may connect by TCP.
func (c *cluster) rules() string { return filepath.Join(filepath.Dir(c.data), "public_hba.conf") }

// writeRules writes the file that lets the database's two roles connect by TCP with a password, and nobody else. It does nothing without a
// public address.
func (c *cluster) writeRules() error {
	if c.public == nil {
		return nil
	}
	const (
		socket = "local " + database + ",postgres " + AppRole + "," + owner + " trust\n"
		tcp    = "host " + database + " " + AppRole + "," + owner + " all scram-sha-256\n"
	)
	if err := os.WriteFile(c.rules(), []byte(socket+tcp), 0o600); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return c.account.own(c.rules())
}

// addresses returns the URLs by which the database's users connect.
func (c *cluster) addresses() Postgres {
	if c.public == nil {
		return Postgres{URL: c.url(AppRole, database), MigrateURL: c.url(owner, database)}
	}
	return Postgres{
		URL:        c.publicURL(AppRole, c.public.passwords.App),
		MigrateURL: c.publicURL(owner, c.public.passwords.Owner),
	}
}

// url returns the URL by which a role connects to a database over the socket.
func (c *cluster) url(role, database string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {c.run}, "port": {c.port()}}.Encode(),
	}).String()
}

// publicURL returns the URL by which a role connects to the database over TCP. There must be a public address.
func (c *cluster) publicURL(role, password string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Host: c.public.address(PostgresPort), Path: "/" + database,
		RawQuery: "sslmode=disable", // it has no certificate: asking for one costs each connection a round trip
	}).String()
}
