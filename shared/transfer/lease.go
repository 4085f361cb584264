package transfer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

// lost returns the Unavailable error of a lease that has ended before its holder was done, so that another process may have it. Its cause is errLost.
func lost() error {
	return fault.New(fault.Unavailable, "Another request has taken this over, or the database was away for too long; try again.",
		fault.Op("transfer.lease"), fault.Cause(errLost))
}

var errLost = errors.New("the lease is lost")

// renewals is how often a lease is renewed in its length.
const renewals = 6

// lease is what a row says nobody else may do until a time. Its holder trusts it for two thirds of its length by its own clock: the last
// third is for what it has handed to the store and cannot call back.
type lease struct {
	length time.Duration
	began  time.Time
	good   atomic.Int64 // nanoseconds after began
}

// keep renews a lease that was acquired at asked or later, six times in its length, until stop is called. The context that it returns ends with the cause
// lost() when the lease is lost. renew fails with errLost if another process has the lease; after any other error it is tried again until the lease is
// over.
func keep(ctx context.Context, length time.Duration, asked time.Time, renew func(context.Context) error) (held context.Context, l *lease, stop func()) {
	l = &lease{length: length, began: asked}
	l.extend(asked)
	held, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { l.run(held, cancel, renew) }) // ends by stop
	return held, l, func() { cancel(nil); renewing.Wait() }
}

// run renews the lease until ctx ends or the lease is lost. Then it cancels with lost().
func (l *lease) run(ctx context.Context, cancel context.CancelCauseFunc, renew func(context.Context) error) {
	tick := time.NewTicker(l.length / renewals)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		bounded, done := context.WithTimeout(ctx, l.left())
		err := renew(bounded)
		done()
		switch {
		case err == nil:
			l.extend(asked)
		case errors.Is(err, errLost), l.left() <= 0:
			cancel(lost())
			return
		}
	}
}

// extend restarts the lease after a renewal by a statement that was sent at asked.
func (l *lease) extend(asked time.Time) { l.good.Store(int64(asked.Sub(l.began) + l.length*2/3)) }

// left returns how long the lease may be trusted without renewal.
func (l *lease) left() time.Duration { return time.Duration(l.good.Load()) - time.Since(l.began) }
