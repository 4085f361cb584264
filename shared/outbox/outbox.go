// Package outbox keeps events in Postgres: written in the transaction that changes the state, posted after the commit, posted again by
// sweep until every consumer has its receipt, and acted on once by each (Receiver).
package outbox

import (
	"context"
	"log/slog"
	"time"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Outbox writes a function's events and posts them.
type Outbox struct {
	function string
	publisher
}

type publisher struct {
	poster *cloudevent.Poster // nil where there is no sink: then sweep alone posts
	queue  chan cloudevent.Event
	log    *slog.Logger
}

type config struct {
	Sink string `env:"K_SINK"` // the broker's ingress, as Knative's SinkBinding sets it
}

const (
	queued  = 1024            // events waiting to be posted by this process; what finds no place is left to sweep
	posters = 4               // posts at once
	flush   = 5 * time.Second // for what is queued when the process ends
)

// Open returns an outbox for the events of e's function. The outboxes of a process share one queue, which is posted in the background. Without
// K_SINK nothing is posted, and the events are left to sweep.
func Open(_ context.Context, e *env.Env) (*Outbox, error) {
	p, err := env.Once(e, "outbox", func(context.Context) (publisher, func(context.Context) error, error) {
		var c config
		if err := e.Config(&c); err != nil {
			return publisher{}, nil, err
		}
		p := publisher{queue: make(chan cloudevent.Event, queued), log: e.Logger()}
		if c.Sink == "" {
			return p, nil, nil
		}
		signer, err := cloudevent.OpenSigner(e)
		if err != nil {
			return publisher{}, nil, err
		}
		p.poster = cloudevent.NewPoster(signer, c.Sink)
		for range posters {
			e.Go(p.run) // ends with the process, after a flush
		}
		return p, nil, nil
	})
	if err != nil {
		return nil, err
	}
	return &Outbox{e.Name(), p}, nil
}

// Emit writes an event with the payload in the transaction, and queues it to be posted once that has committed. An event without consumers is
// written as done.
func (o *Outbox) Emit(ctx context.Context, tx postgres.Tx, p event.Payload) error {
	e, err := cloudevent.New(o.function, tx.Tenant(), cloudevent.Traceparent(ctx), p)
	if err != nil {
		return err
	}
	var done *time.Time // news that nobody acts on is done as it is written
	if len(cloudevent.Consumers()[e.Type]) == 0 {
		done = &e.Time
	}
	if err := insert(ctx, tx, e, done); err != nil {
		return err
	}
	tx.OnCommit(func() { o.offer(e) })
	return nil
}

// offer queues the event to be posted. If there is no sink or the queue is full, it leaves the event to sweep.
func (p publisher) offer(e cloudevent.Event) {
	if p.poster == nil {
		return
	}
	select {
	case p.queue <- e:
	default:
	}
}

// run posts queued events until ctx ends, and then what is left in the queue.
func (p publisher) run(ctx context.Context) {
	for {
		select {
		case e := <-p.queue:
			p.post(context.WithoutCancel(ctx), e) // the process's end does not cut off what is under way; Post bounds itself
		case <-ctx.Done():
			p.drain(context.WithoutCancel(ctx))
			return
		}
	}
}

// drain posts what is left in the queue, for at most 5 s.
func (p publisher) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flush)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case e := <-p.queue:
			p.post(ctx, e)
		default:
			return
		}
	}
}

// post posts an event. It logs a failure and leaves the event to sweep.
func (p publisher) post(ctx context.Context, e cloudevent.Event) {
	if err := p.poster.Post(ctx, e); err != nil {
		p.log.WarnContext(ctx, "event not posted; sweep will", "id", e.ID, "type", e.Type, "subject", e.Subject, "error", err)
	}
}
