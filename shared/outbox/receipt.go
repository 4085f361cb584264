package outbox

import (
	"context"
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
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
	burySQL         = `select dead_letter_keep($1, $2, $3, $4, $5)`
	buryUnsignedSQL = `select dead_letter_keep_unsigned($1, $2, $3, $4, $5)`
)

// receipt records that the consumer acted on the event, and the outbox row as done if it was the last to. It reports whether this is the first time.
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

func (r *Receiver) receivedBefore(ctx context.Context, e cloudevent.Event) (done bool, err error) {
	err = r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) error {
		return tx.QueryRow(ctx, receivedSQL, string(r.consumer), e.Source, e.ID).Scan(&done)
	})
	return done, err
}

// giveUp records an event that will never be acted on as done.
func (r *Receiver) giveUp(ctx context.Context, e cloudevent.Event) error {
	return r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) error {
		_, err := receipt(ctx, tx, r.consumer, e)
		return err
	})
}

// failed counts the attempt. Brokers differ in when, and whether, they make dead letters: after the tenth failure we do it ourselves. One that
// was cut off is not counted (ctx has ended, so that the count fails, too): a host that stops is no failure. Nor is one that needed what is away
// or has no room: that lasts as long as it lasts, and the event is as good after it as before.
func (r *Receiver) failed(ctx context.Context, e cloudevent.Event, text []byte, cause error) error {
	if fault.Is(cause, fault.Unavailable) || fault.Is(cause, fault.RateLimited) {
		return fmt.Errorf("%s %s: %w", e.Type, e.Subject, cause)
	}
	var attempts int
	err := r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) error {
		return tx.QueryRow(ctx, failedSQL, string(r.consumer), e.Source, e.ID).Scan(&attempts)
	})
	if err != nil || attempts < maxTries {
		return fmt.Errorf("%s %s, attempt %d: %w", e.Type, e.Subject, attempts, cause)
	}
	cause = fmt.Errorf("%d attempts failed, the last: %w", attempts, cause)
	if err := r.letters.keep(ctx, r.consumer, e, text, cause); err != nil {
		return err
	}
	return r.giveUp(ctx, e)
}

// refused answers Unprocessable once the dead letter was kept; if that failed with err, the broker must deliver the event again.
func refused(err, cause error) error {
	if err != nil {
		return fault.New(fault.Unavailable, "The dead letter could not be kept.", fault.Cause(err))
	}
	return fault.New(fault.Unprocessable, "The event is poison.", fault.Cause(cause))
}
