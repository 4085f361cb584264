// Package dispatch is the event broker of one machine. It keeps the rules of Knative's (events.md): every consumer of an event's type
// gets it, at least once, with retries; what cannot be delivered becomes a dead letter.
//
// It holds events in memory alone: what a crash forgets is still in the outbox, and is posted again at the next start and by sweep.
package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
)

// Dispatcher takes events in as an http.Handler and delivers them to the consumers' functions.
type Dispatcher struct {
	consumers map[event.Type][]cloudevent.Consumer
	posters   map[cloudevent.Consumer]*cloudevent.Poster
	bury      Bury
	log       *slog.Logger
	first     time.Duration // the wait after the first failure

	places chan struct{}   // bounds the deliveries in hand
	ctx    context.Context //nolint:containedctx // of the deliveries, not of a call; its end ends them
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex // no delivery begins once closed is set
	closed bool
}

// Bury keeps what could not be delivered.
type Bury func(ctx context.Context, consumer cloudevent.Consumer, encoded []byte, cause error) error

// Options say whom a Dispatcher serves. All are needed.
type Options struct {
	Consumers map[event.Type][]cloudevent.Consumer // cloudevent.Consumers()
	Address   func(cloudevent.Consumer) string     // the URL of a consumer's function
	Bury      Bury
	Log       *slog.Logger
}

const (
	places    = 256 // deliveries in hand; an event that finds none is refused with 503 and posted again by sweep
	tries     = 10
	firstWait = 200 * time.Millisecond // doubled after each failure
	longest   = 30 * time.Second       // wait between two tries
	patience  = 10 * time.Minute       // for one try: longer than any step of a function
	maxBody   = 1 << 20
)

// New makes a Dispatcher. Close ends it.
func New(o Options) *Dispatcher {
	d := &Dispatcher{
		consumers: o.Consumers, posters: map[cloudevent.Consumer]*cloudevent.Poster{}, bury: o.Bury, log: o.Log, first: firstWait,
		places: make(chan struct{}, places),
	}
	for _, consumers := range o.Consumers {
		for _, c := range consumers {
			d.posters[c] = cloudevent.NewPoster(cloudevent.Signer{}, o.Address(c)) // it passes on what is signed already
		}
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Close ends the deliveries in hand and waits until they have. What was not delivered is in the outbox.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.work.Wait()
}

// ServeHTTP accepts an event (202) before it is delivered. 422 is no event; 503 asks to post it again later.
func (d *Dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	w.WriteHeader(d.accept(event.Type(ce.Type()), encoded))
}

// accept starts the deliveries to all consumers, or none.
func (d *Dispatcher) accept(kind event.Type, encoded []byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return http.StatusServiceUnavailable
	}
	consumers := d.consumers[kind]
	for taken := range consumers {
		select {
		case d.places <- struct{}{}:
		default:
			d.free(taken)
			return http.StatusServiceUnavailable
		}
	}
	for _, c := range consumers {
		d.work.Go(func() { // ends after 10 tries, or with Close
			defer d.free(1)
			d.deliver(c, encoded)
		})
	}
	return http.StatusAccepted
}

func (d *Dispatcher) free(n int) {
	for range n {
		<-d.places
	}
}

func (d *Dispatcher) deliver(c cloudevent.Consumer, encoded []byte) {
	wait := d.first
	for try := 1; ; try++ {
		err := d.try(c, encoded)
		if err == nil || d.ctx.Err() != nil {
			return
		}
		if errors.Is(err, cloudevent.ErrFinal) { // the receiver has kept it, if it is one of ours
			d.log.Warn("event refused", "consumer", c, "error", err)
			return
		}
		if try == tries {
			d.giveUp(c, encoded, err)
			return
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, longest)
		case <-d.ctx.Done():
			return
		}
	}
}

func (d *Dispatcher) try(c cloudevent.Consumer, encoded []byte) error {
	ctx, cancel := context.WithTimeout(d.ctx, patience)
	defer cancel()
	return d.posters[c].PostEncoded(ctx, encoded)
}

func (d *Dispatcher) giveUp(c cloudevent.Consumer, encoded []byte, cause error) {
	d.log.Error("event not delivered", "consumer", c, "tries", tries, "error", cause)
	if err := d.bury(d.ctx, c, encoded, cause); err != nil {
		d.log.Error("dead letter not kept; sweep will post the event again", "consumer", c, "error", err)
	}
}
