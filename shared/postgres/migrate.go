package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate runs the migrations that the database at url lacks, under an advisory lock, and lets the LOGIN roles logins act as the capabilities'
// roles. url is the owner's, who must be able to create roles (CREATEROLE) and need not be a superuser. Warnings of migrations are logged.
func Migrate(ctx context.Context, log *slog.Logger, url string, logins ...string) error {
	provider, db, err := migrator(log, url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, login := range logins {
		if _, err := db.ExecContext(ctx, "grant maas_login to "+pgx.Identifier{login}.Sanitize()); err != nil {
			return fmt.Errorf("migrate: grant maas_login to %s: %w", login, err)
		}
	}
	return nil
}

// Unmigrate rolls the database at url back to a version of the schema; 0 empties it. It is for tests.
func Unmigrate(ctx context.Context, url string, version int64) error {
	provider, db, err := migrator(slog.New(slog.DiscardHandler), url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := provider.DownTo(ctx, version); err != nil {
		return fmt.Errorf("unmigrate: %w", err)
	}
	return nil
}

// migrator returns goose with the embedded migrations for the database at url, and its pool, which the caller closes. It does not connect.
func migrator(log *slog.Logger, url string) (*goose.Provider, *sql.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, fmt.Errorf("migrations: %w", err)
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			log.Warn("a migration warns", "warning", n.Message, "hint", n.Hint)
		}
	}
	db := stdlib.OpenDB(*config)
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, fmt.Errorf("migrations: %w", err)
	}
	return provider, db, nil
}

// Migrations returns the files of the embedded migrations, in the folder migrations.
func Migrations() fs.FS { return migrations }
