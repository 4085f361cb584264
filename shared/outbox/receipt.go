package outbox

import (
	"context"
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

func (r *Receiver) receivedBefore(ctx context.Context, e cloudevent.Event) (done bool, err error) {
	err = r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) (err error) {
		done, err = hasReceipt(ctx, tx, r.consumer, e)
		return err
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
	err := r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) (err error) {
		attempts, err = countAttempt(ctx, tx, r.consumer, e)
		return err
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

// refused returns the fault for a poison event. It is Unprocessable, which ends the event's delivery, if the dead
// letter was stored (err is nil), and else Unavailable, so that the broker delivers the event again.
func refused(err, cause error) error {
	if err != nil {
		return fault.New(fault.Unavailable, "The dead letter could not be kept.", fault.Cause(err))
	}
	return fault.New(fault.Unprocessable, "The event is poison.", fault.Cause(cause))
}
