// Package backoff computes and waits pauses between tries that grow, with jitter. Servers and clients of the API use it.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff has pauses that grow: the first is First, and each later one is Factor times as long, up to Longest. A quarter at random is added to
// or taken from each, so that callers that began together spread. It must not be used concurrently.
type Backoff struct {
	First, Longest time.Duration
	// Factor is 1.5 if it is 0.
	Factor float64

	next time.Duration // 0 before the first pause
}

// Next returns the next pause.
func (b *Backoff) Next() time.Duration {
	factor := b.Factor
	if factor == 0 {
		factor = 1.5
	}
	pause := max(b.next, b.First)
	b.next = min(time.Duration(float64(pause)*factor), b.Longest)
	return pause*3/4 + rand.N(pause/2+1) //nolint:gosec // spreads tries, guards nothing
}

// Wait waits for the next pause. It returns ctx's error if ctx ends before.
func (b *Backoff) Wait(ctx context.Context) error { return Sleep(ctx, b.Next()) }

// Reset makes the next pause the first again.
func (b *Backoff) Reset() { b.next = 0 }

// Sleep waits for d. It returns ctx's error if ctx ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
