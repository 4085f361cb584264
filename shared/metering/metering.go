// Package metering is the gateway's side of the ledger: it keeps a journal of the calls that a process has answered, and posts it in batches
// to meter-usage, whose 2xx is the commit. It knows no database.
//
// Each call has a number within its process's life (pod), so that a loss shows as a gap. With MAAS_METER_DIR the journal is a folder of
// files, which the next process on the same folder posts; without, a killed process loses what it has not posted: a second's calls at most,
// while meter-usage answers.
package metering

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

type config struct {
	// URL is meter-usage's address; without it nothing is metered.
	URL string `env:"MAAS_METER_URL"`
	// Folder is where the journal is; "" keeps it in memory. One process has it at a time.
	Folder string `env:"MAAS_METER_DIR"`
}

const (
	batchCalls = 500
	batchTime  = time.Second
	// What waits for a meter-usage that is away is bounded: in memory at some 50 MB, on disk at some 4 GB. The oldest batches go first.
	maxInMemory = 200
	maxOnDisk   = 20_000
	firstPause  = 200 * time.Millisecond
	lastPause   = 10 * time.Second
	// lastPosts bounds the posting of what is left when the process ends.
	lastPosts = 5 * time.Second
)

// Meter counts calls. It is safe for concurrent use.
type Meter struct {
	poster *cloudevent.Poster // nil where nothing is metered
	log    *slog.Logger
	lost   prometheus.Counter
	full   chan struct{} // a batch is complete before its time

	mu      sync.Mutex
	journal journal
	open    batch // of the calls that are in no batch yet
	failure error // of the journal, not logged yet
}

// batch is the numbers of the calls that are posted as one event, and its id, which is the same each time.
type batch struct {
	id, pod     uuid.UUID
	first, last int64
}

// journal keeps calls until they are posted.
type journal interface {
	// add appends a call to the batch that is open.
	add(call event.InferenceCall) error
	// cut closes the open batch as b.
	cut(b batch) error
	// oldest returns the first of the closed batches with its calls. ok is false if there is none, or none can be read now.
	oldest() (b batch, calls []event.InferenceCall, ok bool)
	// drop removes the first of the closed batches, of which there must be one. This process does not get it again, even if drop fails.
	drop() error
	// over reports whether there are more closed batches than there may be.
	over() bool
	// close releases the journal's files, and leaves what is in them.
	close() error
}

// Open returns the process's meter, which posts in the background until the process ends. Without MAAS_METER_URL it counts nothing. It fails if the
// configuration is invalid or another process has the journal's folder.
func Open(e *env.Env) (*Meter, error) {
	return env.Once(e, "metering", func(context.Context) (*Meter, func(context.Context) error, error) {
		var c config
		if err := e.Config(&c); err != nil {
			return nil, nil, err
		}
		m := &Meter{log: e.Logger(), full: make(chan struct{}, 1)}
		if c.URL == "" {
			return m, nil, nil
		}
		if err := m.start(e, c); err != nil {
			return nil, nil, err
		}
		e.Go(m.run)
		return m, func(context.Context) error { m.poster.CloseIdle(); return m.journal.close() }, nil
	})
}

// start fills in a meter that posts to c.URL, and opens its journal.
func (m *Meter) start(e *env.Env, c config) error {
	signer, err := cloudevent.OpenSigner(e)
	if err != nil {
		return err
	}
	m.lost, err = telemetry.Register(e, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "maas_metering_lost_total", Help: "Calls that the journal could not keep, or had no more room for.",
	}))
	if err != nil {
		return err
	}
	m.open = batch{pod: uuid.Must(uuid.NewV7()), first: 1}
	m.poster = cloudevent.NewPoster(signer, c.URL)
	m.journal = &memory{}
	if c.Folder != "" {
		m.journal, err = openDisk(c.Folder, m.open.pod)
	}
	return err
}

// Count adds a call to the journal and sets the call's Number. It does not wait for the network, and never fails: a call that cannot be written is
// counted as lost.
func (m *Meter) Count(call event.InferenceCall) {
	if m.poster == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	call.Number = max(m.open.last+1, m.open.first)
	m.open.last = call.Number
	if err := m.journal.add(call); err != nil {
		m.failure = err
		m.lost.Inc()
	}
	if m.open.last-m.open.first+1 < batchCalls {
		return
	}
	m.cut()
	select {
	case m.full <- struct{}{}:
	default: // the poster knows
	}
}

// cut closes the open batch. If there are too many closed batches it drops the oldest, and counts its calls as lost. The caller holds the lock.
func (m *Meter) cut() {
	b := m.open
	if b.last < b.first {
		return
	}
	b.id = uuid.Must(uuid.NewV7())
	m.open.first = b.last + 1
	if err := m.journal.cut(b); err != nil {
		m.failure = err
		m.lost.Add(float64(b.last - b.first + 1))
	}
	if !m.journal.over() {
		return
	}
	if old, _, ok := m.journal.oldest(); ok {
		m.lost.Add(float64(old.last - old.first + 1))
		m.failure = errors.Join(m.failure, m.journal.drop(), errors.New("metering: meter-usage has been away for too long"))
	}
}

// run posts the calls each second, or when a batch is full, until ctx ends. Then it posts what is left, for at most 5 s.
func (m *Meter) run(ctx context.Context) {
	tick := time.NewTicker(batchTime)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-m.full:
		case <-ctx.Done():
		}
		if ctx.Err() == nil {
			m.Flush(ctx)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPosts)
	defer cancel()
	m.Flush(ctx)
}

// Flush posts all counted calls, oldest first, and repeats what fails until ctx ends. What is not posted by then stays in the journal. It may run
// at the same time as the posting in the background: a batch that both post is counted once, by its id.
func (m *Meter) Flush(ctx context.Context) {
	if m.poster == nil {
		return
	}
	pauses := backoff.Backoff{First: firstPause, Longest: lastPause, Factor: 2}
	for {
		b, calls, ok := m.next(ctx)
		if !ok {
			return
		}
		err := m.post(ctx, b, calls)
		if err == nil || errors.Is(err, cloudevent.ErrFinal) {
			m.settle(ctx, b, err)
			pauses.Reset()
			continue
		}
		m.log.WarnContext(ctx, "calls could not be metered; they are posted again", "error", err, "calls", len(calls))
		if pauses.Wait(ctx) != nil {
			return
		}
	}
}

// next closes the open batch and returns the oldest closed one with its calls. ok is false if there is none, or the disk cannot be read at the
// moment. It logs earlier failures of the journal.
func (m *Meter) next(ctx context.Context) (b batch, calls []event.InferenceCall, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut()
	if m.failure != nil {
		m.log.ErrorContext(ctx, "calls were lost from the journal", "error", m.failure)
		m.failure = nil
	}
	return m.journal.oldest()
}

// settle drops a batch that was posted. If refused is not nil, meter-usage refused the batch for good, which is logged.
func (m *Meter) settle(ctx context.Context, b batch, refused error) {
	if refused != nil {
		m.log.ErrorContext(ctx, "calls were refused by meter-usage", "error", refused, "batch", b.id, "first", b.first, "last", b.last)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if first, _, ok := m.journal.oldest(); ok && first.id == b.id { // it may have gone to make room
		if err := m.journal.drop(); err != nil {
			m.failure = err
		}
	}
}

// post posts a batch as one event, under the batch's id. An error that wraps cloudevent.ErrFinal is final.
func (m *Meter) post(ctx context.Context, b batch, calls []event.InferenceCall) error {
	e, err := cloudevent.New("infer", uuid.Nil, "", event.InferenceCompleted{Pod: api.ID(b.pod), First: b.first, Last: b.last, Calls: calls})
	if err != nil {
		return errors.Join(cloudevent.ErrFinal, err)
	}
	e.ID = b.id
	return m.poster.Post(ctx, e)
}
