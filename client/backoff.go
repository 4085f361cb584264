package maas

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff gives pauses that grow by half each time up to a longest one, each changed by up to a quarter at random.
type backoff struct {
	next, longest time.Duration
}

func (b *backoff) pause() time.Duration {
	pause := b.next
	b.next = min(pause+pause/2, b.longest)
	return pause*3/4 + rand.N(pause/2+1) //nolint:gosec // spreads requests, guards nothing
}

// sleep waits. It returns ctx's error if ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
