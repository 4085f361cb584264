package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

const insertSQL = `
	insert into outbox (id, source, type, subject, time, traceparent, data, done_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8)`

const (
	hurrySQL = `select outbox_hurry()`
	trimSQL  = `select trail_trim($1)`
	takeSQL  = `select id, source, type, subject, time, tenant_id, traceparent, data from outbox_take($1, $2, $3, $4)`
)

// take returns up to batch events that some consumer has not handled and that are due before the time. It makes each due again after 2 minutes or
// more.
func take(ctx context.Context, db *postgres.DB, before time.Time) ([]cloudevent.Event, error) {
	var types, consumers []string
	for kind, all := range cloudevent.Consumers() {
		for _, consumer := range all {
			types, consumers = append(types, string(kind)), append(consumers, string(consumer))
		}
	}
	var due []cloudevent.Event
	err := db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		rows, err := tx.Query(ctx, takeSQL, types, consumers, before, batch)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		due, err = pgx.CollectRows(rows, scan)
		return err
	})
	return due, err
}

// scan reads a row of takeSQL.
func scan(row pgx.CollectableRow) (cloudevent.Event, error) {
	var e cloudevent.Event
	err := row.Scan(&e.ID, &e.Source, &e.Type, &e.Subject, &e.Time, &e.Tenant, &e.Traceparent, &e.Data)
	return e, err
}

const backlogSQL = `select oldest_seconds, letters from trail_backlog()`

// insert adds an event to the outbox. done is nil for an event that is to be delivered, and else the time at which it counts as delivered.
func insert(ctx context.Context, tx postgres.Tx, e cloudevent.Event, done *time.Time) error {
	_, err := tx.Exec(ctx, insertSQL, e.ID, e.Source, string(e.Type), e.Subject, e.Time, e.Traceparent, e.Data, done)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// makeAllDue makes all events of all tenants that are not done due now.
func makeAllDue(ctx context.Context, tx postgres.Tx) error {
	_, err := tx.Exec(ctx, hurrySQL)
	return err
}

// trim deletes old events, receipts and idempotency keys of all tenants, up to most of each kind.
func trim(ctx context.Context, tx postgres.Tx, most int) error {
	_, err := tx.Exec(ctx, trimSQL, most)
	return err
}

// readBacklog returns the age of the oldest event that is not done, in seconds, and the number of dead letters that nobody has replayed.
func readBacklog(ctx context.Context, tx postgres.Tx) (oldest float64, letters int64, err error) {
	if err := tx.QueryRow(ctx, backlogSQL).Scan(&oldest, &letters); err != nil {
		return 0, 0, fmt.Errorf("outbox: %w", err)
	}
	return oldest, letters, nil
}
