// Package backoff spaces out the tries of whoever waits for a change that nobody tells of.
//
// The retry policies of failsafe-go call a function until it succeeds. Loops that report progress, or that begin anew with each change, wait by
// this package.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff waits longer each time: the first pause is First, each later one is half as long again, up to Longest. Each is lengthened or shortened
// by up to a quarter at random, so that callers that began together do not stay together. It must not be used concurrently.
type Backoff struct {
	First, Longest time.Duration

	next time.Duration // 0 before the first pause
}

// Wait waits for the next pause. It returns ctx's error if ctx ends before.
func (b *Backoff) Wait(ctx context.Context) error {
	pause := max(b.next, b.First)
	b.next = min(pause+pause/2, b.Longest)
	timer := time.NewTimer(pause*3/4 + rand.N(pause/2+1)) //nolint:gosec // spreads tries, guards nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reset makes the next pause the first again.
func (b *Backoff) Reset() { b.next = 0 }
