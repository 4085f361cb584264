package inference

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/fault"
)

// turns bounds, for each version, how many calls are at its model server at once and how many wait for it. Those who wait have
// their turns in the order of their arrival.
type turns struct {
	atOnce, queue int

	mu       sync.Mutex
	versions map[uuid.UUID]*line
}

// line is one version's; it is there while anybody is in it.
type line struct {
	inside  chan struct{} // one element for each call at the server
	present int           // at the server or waiting
}

func newTurns(atOnce, queue int) turns {
	return turns{atOnce: atOnce, queue: queue, versions: map[uuid.UUID]*line{}}
}

// busyRetry is when a client may come again that found the queue full.
const busyRetry = time.Second

// take waits for the call's turn, which leave ends. It fails with RateLimited if the queue is full, or if ctx ends in it.
func (t *turns) take(ctx context.Context, version uuid.UUID) (leave func(), err error) {
	l, err := t.join(version)
	if err != nil {
		return nil, err
	}
	select {
	case l.inside <- struct{}{}:
		return func() { <-l.inside; t.part(version, l) }, nil
	case <-ctx.Done():
		t.part(version, l)
		if fault.Is(ctx.Err(), fault.Canceled) {
			return nil, ctx.Err()
		}
		return nil, busy("The model is busy: the deadline passed before the call's turn came.")
	}
}

func (t *turns) join(version uuid.UUID) (*line, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.versions[version]
	if l == nil {
		l = &line{inside: make(chan struct{}, t.atOnce)}
		t.versions[version] = l
	}
	if l.present >= t.atOnce+t.queue {
		return nil, busy("The model is busy, and too many calls wait for it already.")
	}
	l.present++
	return l, nil
}

func (t *turns) part(version uuid.UUID, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.present--; l.present == 0 {
		delete(t.versions, version)
	}
}

func busy(message string) error {
	return fault.New(fault.RateLimited, message, fault.RetryAfter(busyRetry))
}
