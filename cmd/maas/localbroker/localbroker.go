// Package localbroker is the event broker of one machine. It delivers as Knative's broker does: each consumer of an event's type gets the
// event at least once. Failed deliveries are retried; an event that cannot be delivered becomes a dead letter.
//
// It holds events in memory alone. Those that a crash loses are still in the outbox, and are posted again at the next start and by sweep.
package localbroker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
)

// Broker is an http.Handler that accepts events and delivers them to the consumers' functions.
type Broker struct {
	consumers map[event.Type][]cloudevent.Consumer
	posters   map[cloudevent.Consumer]*cloudevent.Poster
	bury      Bury
	log       *slog.Logger
	first     time.Duration // the wait after the first failure

	slots  chan struct{}   // one for each delivery in progress
	ctx    context.Context //nolint:containedctx // of the deliveries, not of a call
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex // guards closed, after which no delivery starts
	closed bool
}

// Bury stores an event, as it was encoded, that could not be delivered to the consumer.
type Bury func(ctx context.Context, consumer cloudevent.Consumer, encoded []byte, cause error) error

// Options are those of New. All are required.
type Options struct {
	Consumers map[event.Type][]cloudevent.Consumer // cloudevent.Consumers()
	Address   func(cloudevent.Consumer) string     // the URL of a consumer's function
	Bury      Bury
	Log       *slog.Logger
}

const (
	slots     = 256 // deliveries in progress; without a free slot an event is refused with 503, and sweep posts it again
	tries     = 10
	firstWait = 200 * time.Millisecond // doubled after each failure
	longest   = 30 * time.Second       // wait between two tries
	patience  = 10 * time.Minute       // for one try: longer than any step of a function
	maxBody   = 1 << 20
)

// New returns a Broker. Close stops it.
func New(o Options) *Broker {
	b := &Broker{
		consumers: o.Consumers, posters: map[cloudevent.Consumer]*cloudevent.Poster{}, bury: o.Bury, log: o.Log, first: firstWait,
		slots: make(chan struct{}, slots),
	}
	for _, consumers := range o.Consumers {
		for _, c := range consumers {
			b.posters[c] = cloudevent.NewPoster(cloudevent.Signer{}, o.Address(c)) // events are signed already
		}
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Close takes no more events and waits for the deliveries in progress. Those that are left when ctx ends are canceled: their events are still in the outbox.
func (b *Broker) Close(ctx context.Context) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	defer context.AfterFunc(ctx, b.cancel)()
	b.work.Wait()
	b.cancel()
}

// ServeHTTP answers 202 before the event is delivered, 422 to what is no event, and 503 if no slot is free or the broker is closed: then the
// event has to be posted again later.
func (b *Broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	ce, err := cloudevent.Read(r)
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	encoded, err := json.Marshal(ce)
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(b.accept(event.Type(ce.Type()), encoded))
}

// accept starts the deliveries to all consumers of the event's type, or none of them. It returns the response's status: 202, or 503 if too few
// slots are free or the broker is closed.
func (b *Broker) accept(kind event.Type, encoded []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return http.StatusServiceUnavailable
	}
	consumers := b.consumers[kind]
	for taken := range consumers {
		select {
		case b.slots <- struct{}{}:
		default:
			b.free(taken)
			return http.StatusServiceUnavailable
		}
	}
	for _, c := range consumers {
		b.work.Go(func() { // ends after 10 tries, or with Close
			defer b.free(1)
			b.deliver(c, encoded)
		})
	}
	return http.StatusAccepted
}

// free gives n slots back.
func (b *Broker) free(n int) {
	for range n {
		<-b.slots
	}
}

// deliver delivers an event to a consumer, with up to 10 tries and growing pauses, and then gives up. It stops earlier if the consumer refuses
// the event for good, which has stored it as a dead letter itself, or if the broker's context ends.
func (b *Broker) deliver(c cloudevent.Consumer, encoded []byte) {
	pauses := backoff.Backoff{First: b.first, Longest: longest, Factor: 2}
	for try := 1; ; try++ {
		err := b.try(c, encoded)
		if err == nil || b.ctx.Err() != nil {
			return
		}
		if errors.Is(err, cloudevent.ErrFinal) { // a receiver of ours has stored it as a dead letter
			b.log.Warn("event refused", "consumer", c, "error", err)
			return
		}
		if try == tries {
			b.giveUp(c, encoded, err)
			return
		}
		if pauses.Wait(b.ctx) != nil {
			return
		}
	}
}

// try delivers an event to a consumer once. It fails if the consumer has not accepted the event within patience.
func (b *Broker) try(c cloudevent.Consumer, encoded []byte) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return b.posters[c].PostEncoded(ctx, encoded)
}

// giveUp logs that an event was not delivered, and stores it as a dead letter.
func (b *Broker) giveUp(c cloudevent.Consumer, encoded []byte, cause error) {
	b.log.Error("event not delivered", "consumer", c, "tries", tries, "error", cause)
	if err := b.bury(b.ctx, c, encoded, cause); err != nil {
		b.log.Error("dead letter not kept; sweep will post the event again", "consumer", c, "error", err)
	}
}
