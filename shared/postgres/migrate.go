package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // goose takes a database/sql handle
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the database up to this program's schema, under an advisory lock, and lets the given LOGIN roles act for the
// capabilities. url is the owner's, who may make roles (CREATEROLE) and need not be a superuser.
func Migrate(ctx context.Context, url string, logins ...string) error {
	provider, db, err := migrator(url)
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

// Unmigrate takes every migration back. It is for the test that the way down is right.
func Unmigrate(ctx context.Context, url string) error {
	provider, db, err := migrator(url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := provider.DownTo(ctx, 0); err != nil {
		return fmt.Errorf("unmigrate: %w", err)
	}
	return nil
}

func migrator(url string) (*goose.Provider, *sql.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, fmt.Errorf("migrations: %w", err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
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

// Migrations names the embedded migrations in order, for a digest of the schema.
func Migrations() fs.FS { return migrations }
