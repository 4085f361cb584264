package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const schemaSQL = `select coalesce(max(version_id), 0) from goose_db_version where is_applied`

// version returns the number of the newest migration that has run, 0 if there is no schema. It fails with Unavailable if the server cannot be
// reached within 5 s, and with the server's own error if it refuses the connection.
func (g *gate) version(ctx context.Context) (version int64, err error) {
	bounded, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = g.pool.QueryRow(bounded, schemaSQL, pgx.QueryExecModeExec).Scan(&version) // one round trip: a cold start waits for it
	pg, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case refused && (pg.Code == undefinedTable || pg.Code == insufficientPrivilege):
		return 0, nil
	case refused && strings.HasPrefix(pg.Code, "28"): // a wrong password is no outage
		return 0, err
	default:
		return version, classify(ctx, err)
	}
}

const (
	undefinedTable        = "42P01"
	insufficientPrivilege = "42501"
)
