package outbox

import (
	"context"
	"fmt"

	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	// A second delivery waits here for the first one's transaction, and then finds it done.
	receiptSQL = `
		insert into inbox (consumer, source, id, done_at) values ($1, $2, $3, now())
		on conflict (consumer, source, id) do update set done_at = now() where inbox.done_at is null`
	settleSQL = `
		update outbox set done_at = now()
		where id = $1 and source = $2 and done_at is null and not exists (
			select from unnest($3::text[]) as consumer where not exists (
				select from inbox i where i.consumer = consumer and i.source = $2 and i.id = $1 and i.done_at is not null))`
	receivedSQL = `select exists (select from inbox where consumer = $1 and source = $2 and id = $3 and done_at is not null)`
	failedSQL   = `
		insert into inbox (consumer, source, id, attempts) values ($1, $2, $3, 1)
		on conflict (consumer, source, id) do update set attempts = inbox.attempts + 1
		returning attempts`
)

// receipt records that the consumer has handled the event, and marks the event as done if no other consumer is missing. It reports whether this is
// the first receipt: false means that the consumer handled the event before.
func receipt(ctx context.Context, tx postgres.Tx, consumer cloudevent.Consumer, e cloudevent.Event) (bool, error) {
	tag, err := tx.Exec(ctx, receiptSQL, string(consumer), e.Source, e.ID)
	if err != nil {
		return false, fmt.Errorf("inbox: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	consumers := make([]string, 0, 1)
	for _, c := range cloudevent.Consumers()[e.Type] {
		consumers = append(consumers, string(c))
	}
	if _, err := tx.Exec(ctx, settleSQL, e.ID, e.Source, consumers); err != nil {
		return false, fmt.Errorf("outbox: %w", err)
	}
	return true, nil
}

// hasReceipt reports whether the consumer has handled the event.
func hasReceipt(ctx context.Context, tx postgres.Tx, consumer cloudevent.Consumer, e cloudevent.Event) (done bool, err error) {
	err = tx.QueryRow(ctx, receivedSQL, string(consumer), e.Source, e.ID).Scan(&done)
	return done, err
}

// countAttempt counts a failed attempt of the consumer to handle the event, and returns how many have failed.
func countAttempt(ctx context.Context, tx postgres.Tx, consumer cloudevent.Consumer, e cloudevent.Event) (attempts int, err error) {
	err = tx.QueryRow(ctx, failedSQL, string(consumer), e.Source, e.ID).Scan(&attempts)
	return attempts, err
}
