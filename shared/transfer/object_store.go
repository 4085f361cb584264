package transfer

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	trimSQL     = `select artifacts_trim($1)`
	underwaySQL = `select uploads_underway($1)::text`
	knownSQL    = `select catalog_objects($1)`
	positionSQL = `select position from sweep_cursors where name = $1`
	goOnSQL     = `insert into sweep_cursors (name, position) values ($1, $2) on conflict (name) do update set position = excluded.position`
)

// objectsCursor names the cursor of the look at all objects.
const objectsCursor = "objects"

// column returns the rows of a query of one column, as strings.
func column(ctx context.Context, tx postgres.Tx, sql string, arg any) ([]string, error) {
	rows, err := tx.Query(ctx, sql, arg)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// trimArtifacts deletes the rows of artifacts that no version has, a day after they were made, up to 5,000 at a time. Their objects stay until
// collectObjects comes to them.
func (t *Transfers) trimArtifacts(ctx context.Context) error {
	return t.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		_, err := tx.Exec(ctx, trimSQL, looked)
		return err
	})
}

// position returns the key behind which collectObjects goes on, "" for the beginning.
func (t *Transfers) position(ctx context.Context) (after objects.Key, err error) {
	err = t.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		err := tx.QueryRow(ctx, positionSQL, objectsCursor).Scan(&after)
		if postgres.NotFound(err) {
			return nil
		}
		return err
	})
	return after, err
}

// goOn saves the key behind which the next collectObjects goes on, "" for the beginning.
func (t *Transfers) goOn(ctx context.Context, after objects.Key) error {
	return t.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		_, err := tx.Exec(ctx, goOnSQL, objectsCursor, string(after))
		return err
	})
}

// uploadsUnderway returns those of the uploads, of any tenant, that have not ended.
func uploadsUnderway(ctx context.Context, tx postgres.Tx, ids []uuid.UUID) ([]string, error) {
	return column(ctx, tx, underwaySQL, ids)
}

// keysOfCatalog returns those of the keys that a row of the catalogue names.
func keysOfCatalog(ctx context.Context, tx postgres.Tx, keys []objects.Key) ([]string, error) {
	return column(ctx, tx, knownSQL, texts(keys))
}
