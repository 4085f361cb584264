package outbox

import (
	"context"
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/postgres"
)

// receivedBefore reports whether the consumer has handled the event.
func (r *Receiver) receivedBefore(ctx context.Context, e cloudevent.Event) (done bool, err error) {
	err = r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) (err error) {
		done, err = hasReceipt(ctx, tx, r.consumer, e)
		return err
	})
	return done, err
}

// giveUp records a receipt for an event that the consumer will never handle, so that it is not delivered again.
func (r *Receiver) giveUp(ctx context.Context, e cloudevent.Event) error {
	return r.db.Tx(ctx, e.Tenant, func(tx postgres.Tx) error {
		_, err := receipt(ctx, tx, r.consumer, e)
		return err
	})
}

// failed counts a failed attempt to handle the event. It returns an error, so that the broker delivers the event again, until the tenth failure:
// then it stores the event, text, as a dead letter and gives it up.
//
// An attempt is not counted if the cause is Unavailable or RateLimited, since that is not the event's fault, or if ctx has ended.
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

// refused returns the fault of an event that can never be handled. If the dead letter was stored, err is nil and the fault Unprocessable, so that
// the broker does not deliver the event again. Otherwise it is Unavailable, so that it does.
func refused(err, cause error) error {
	if err != nil {
		return fault.New(fault.Unavailable, "The dead letter could not be kept.", fault.Cause(err))
	}
	return fault.New(fault.Unprocessable, "The event is poison.", fault.Cause(cause))
}
