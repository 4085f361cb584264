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

// findLetter returns a dead letter. It returns NotFound if there is none.
func findLetter(ctx context.Context, tx postgres.Tx, id uuid.UUID) (Letter, error) {
	return oneLetter(ctx, tx, letterSQL, id)
}

// replayLetter marks a dead letter as replayed and deletes its consumer's receipt of the event, so that the event is
// handled again. It fails with NotFound if the letter does not exist.
func replayLetter(ctx context.Context, tx postgres.Tx, id uuid.UUID, source string, event uuid.UUID) (Letter, error) {
	return oneLetter(ctx, tx, takeUpSQL, id, source, event)
}

// insertLetter adds a signed event's dead letter, unless it is there.
func insertLetter(ctx context.Context, tx postgres.Tx, id uuid.UUID, consumer cloudevent.Consumer, e cloudevent.Event, text, reason string) error {
	_, err := tx.Exec(ctx, burySQL, id, e.Tenant, string(consumer), text, reason)
	return err
}

// insertUnsignedLetter adds a dead letter without a good signature. It reports false if the consumer has limit of them.
func insertUnsignedLetter(
	ctx context.Context, tx postgres.Tx, id uuid.UUID, consumer cloudevent.Consumer, text, reason string, limit int,
) (kept bool, err error) {
	err = tx.QueryRow(ctx, buryUnsignedSQL, id, string(consumer), text, reason, limit).Scan(&kept)
	return kept, err
}
