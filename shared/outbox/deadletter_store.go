package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	burySQL         = `select dead_letter_keep($1, $2, $3, $4, $5)`
	buryUnsignedSQL = `select dead_letter_keep_unsigned($1, $2, $3, $4, $5)`
)

const (
	lettersSQL = `select id, tenant_id, consumer, event, signed, reason, died_at, replayed_at from dead_letters_list($1)`
	takeUpSQL  = `select id, tenant_id, consumer, event, signed, reason, died_at, replayed_at from dead_letter_take($1, $2, $3)`
	letterSQL  = `select id, tenant_id, consumer, event, signed, reason, died_at, replayed_at from dead_letter_find($1)`
)

// oneLetter returns the dead letter that the query gives. It fails with NotFound if the query gives no row.
func oneLetter(ctx context.Context, tx postgres.Tx, query string, arguments ...any) (Letter, error) {
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return Letter{}, fmt.Errorf("dead letter: %w", err)
	}
	l, err := pgx.CollectExactlyOneRow(rows, scanLetter)
	if postgres.NotFound(err) {
		return Letter{}, fault.New(fault.NotFound, "There is no such dead letter.", fault.Field("id"))
	}
	return l, err
}

// scanLetter reads a row of lettersSQL, takeUpSQL or letterSQL.
func scanLetter(row pgx.CollectableRow) (l Letter, err error) {
	return l, row.Scan(&l.ID, &l.Tenant, &l.Consumer, &l.Event, &l.Signed, &l.Reason, &l.Died, &l.Replayed)
}

// listLetters returns up to most dead letters of all tenants, the latest first.
func listLetters(ctx context.Context, tx postgres.Tx, most int) ([]Letter, error) {
	rows, err := tx.Query(ctx, lettersSQL, most)
	if err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	return pgx.CollectRows(rows, scanLetter)
}

// findLetter returns a dead letter. It fails with NotFound if there is none with the id.
func findLetter(ctx context.Context, tx postgres.Tx, id uuid.UUID) (Letter, error) {
	return oneLetter(ctx, tx, letterSQL, id)
}

// replayLetter marks a dead letter as replayed, and deletes its consumer's receipt of the event with the source and id, so that the consumer
// handles it again. It fails with NotFound if there is no such letter.
func replayLetter(ctx context.Context, tx postgres.Tx, id uuid.UUID, source string, event uuid.UUID) (Letter, error) {
	return oneLetter(ctx, tx, takeUpSQL, id, source, event)
}

// insertLetter stores a signed event, text, as a dead letter. If there is one with the id it does nothing.
func insertLetter(ctx context.Context, tx postgres.Tx, id uuid.UUID, consumer cloudevent.Consumer, e cloudevent.Event, text, reason string) error {
	_, err := tx.Exec(ctx, burySQL, id, e.Tenant, string(consumer), text, reason)
	return err
}

// insertUnsignedLetter stores a text without a valid signature as a dead letter. kept is false if the consumer has limit of them already.
func insertUnsignedLetter(
	ctx context.Context, tx postgres.Tx, id uuid.UUID, consumer cloudevent.Consumer, text, reason string, limit int,
) (kept bool, err error) {
	err = tx.QueryRow(ctx, buryUnsignedSQL, id, string(consumer), text, reason, limit).Scan(&kept)
	return kept, err
}
