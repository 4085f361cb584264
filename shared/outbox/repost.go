package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	batch    = 200
	trimMost = 10_000
)

// RepostAll posts every event that is not done once, due or not, and returns how many it posted. It fails as Repost does. `maas up` calls it when
// it starts.
func (o *Outbox) RepostAll(ctx context.Context, db *postgres.DB) (int, error) {
	err := db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error { return makeAllDue(ctx, tx) })
	if err != nil {
		return 0, fmt.Errorf("outbox: %w", err)
	}
	return o.Repost(ctx, db, time.Now())
}

// Repost posts the events that are not done and due before the given time, and returns how many it posted. It stops at the first that the sink does
// not accept for now. Sweep calls it each minute with the present time. A posted event is due again after 2 minutes or more: a time further ahead
// would post it over and over.
func (o *Outbox) Repost(ctx context.Context, db *postgres.DB, before time.Time) (int, error) {
	posted := 0
	for {
		due, err := take(ctx, db, before)
		if err != nil {
			return posted, err
		}
		for _, e := range due {
			if err := o.repost(ctx, e); err != nil {
				return posted, err
			}
			posted++
		}
		if len(due) < batch {
			return posted, nil
		}
	}
}

// repost posts one event. It fails if there is no sink or the sink is unavailable; a final refusal of the event is
// logged and is not an error.
func (o *Outbox) repost(ctx context.Context, e cloudevent.Event) error {
	if o.poster == nil {
		return errors.New("outbox: K_SINK is not set")
	}
	err := o.poster.Post(ctx, e)
	if errors.Is(err, cloudevent.ErrFinal) {
		o.log.ErrorContext(ctx, "event refused", "id", e.ID, "type", e.Type, "subject", e.Subject, "error", err)
		return nil
	}
	return err
}

// Trim deletes done events and receipts after 30 days, and idempotency keys after a day, a bounded number at a time. Sweep calls it.
func Trim(ctx context.Context, db *postgres.DB) error {
	return db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		return trim(ctx, tx, trimMost)
	})
}
