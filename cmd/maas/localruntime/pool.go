package localruntime

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/confine"
)

// pool is the runtimes that run or start, by version. A call takes one (acquire) and gives it back; one that nobody has is stopped
// after idleAfter.
type pool struct {
	confiner  *confine.Confiner
	prepare   func(ctx context.Context, version uuid.UUID) (model, error) // where the version's files are, fetched if need be
	changed   func(ctx context.Context, c change)                         // told of each change, one after the other, in order
	keep      func(version uuid.UUID) bool                                // whether it stays without calls (min_replicas)
	idleAfter time.Duration
	startTime func(version uuid.UUID) time.Duration // bound on one start
	log       *slog.Logger

	life context.Context //nolint:containedctx // of the starts, not of a call; its end ends them
	end  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	all     map[uuid.UUID]*instance
	falls   map[uuid.UUID]fall
	changes []change      // not told yet
	news    chan struct{} // has one element when there are some
	starts  sync.WaitGroup
}

// change is what became of a version's runtime.
type change struct {
	version uuid.UUID
	state   state
	err     error         // with failed; with idle, why it ended by itself, if that is known
	fetch   time.Duration // with ready: until the files were there
	load    time.Duration // with ready: from there until the model was loaded
}

// state is what became of a version's runtime.
type state int

const (
	starting state = iota
	ready
	failed
	idle
)

// instance is one version's runtime. Its fields are the pool's mutex's.
type instance struct {
	started chan struct{}      // closed when the start has ended, well or not
	cancel  context.CancelFunc // ends the start
	process *process
	err     error
	calls   int
	used    time.Time
}

var (
	errClosed = fault.New(fault.Unavailable, "The host is stopping; try again.")
	errAbsent = fault.New(fault.NotFound, "There is no such deployment.")
)

// acquire waits until the version's runtime is ready, which it starts if need be, and returns its address. The runtime is not stopped for
// being idle until release is called. It fails with the error of the start, and with ctx's error if ctx ends first; the start then goes on.
func (p *pool) acquire(ctx context.Context, version uuid.UUID) (address *url.URL, release func(), err error) {
	i, err := p.join(version)
	if err != nil {
		return nil, nil, err
	}
	release = sync.OnceFunc(func() { p.leave(i) })
	select {
	case <-i.started:
	case <-ctx.Done():
		release()
		return nil, nil, ctx.Err()
	}
	if i.err != nil {
		release()
		return nil, nil, i.err
	}
	return i.process.url, release, nil
}

// join returns the version's runtime with one more call, and starts it if it is not there. It fails with Unavailable if the pool is closed, or
// while a runtime that has crashed repeatedly must wait.
func (p *pool) join(version uuid.UUID) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	i := p.all[version]
	if i == nil {
		if err := p.falls[version].pause(time.Now()); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(p.life)
		i = &instance{started: make(chan struct{}), cancel: cancel}
		p.all[version] = i
		p.note(change{version: version, state: starting})
		p.starts.Go(func() { p.start(ctx, version, i) }) // bounded by startTime, and ended by remove
	}
	i.calls++
	return i, nil
}

// leave counts one call less, and begins the time without calls anew.
func (p *pool) leave(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i.calls--
	i.used = time.Now()
}

// start fetches the version's files, launches its runtime, records how that ended, and closes i.started. It stops a runtime that is no longer
// wanted.
func (p *pool) start(ctx context.Context, version uuid.UUID, i *instance) {
	defer i.cancel()
	within := p.startTime(version)
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	m, err := p.prepare(ctx, version)
	fetched := time.Now()
	var running *process
	if err == nil {
		running, err = launch(ctx, m, p.confiner.Cell(m.allowed), p.log)
	}
	if err != nil {
		err = startFailure(err, within)
	}
	wanted := p.settle(i, running, change{version: version, err: err, fetch: fetched.Sub(began), load: time.Since(fetched)})
	close(i.started)
	switch {
	case running == nil:
	case wanted:
		p.starts.Go(func() { p.watch(version, i) }) // ends with the process
	default:
		running.stop(ctx)
	}
}

// settle records how a start ended, for the instance and as a change. It returns false, and sets the instance's error, if the runtime is no
// longer wanted: it was removed, or the pool is closed.
func (p *pool) settle(i *instance, running *process, c change) (wanted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.all[c.version] != i {
		i.err = errAbsent
		if p.closed {
			i.err = errClosed
		}
		return false
	}
	i.process, i.err, i.used = running, c.err, time.Now()
	c.state = ready
	if c.err != nil {
		c.state = failed
		delete(p.all, c.version) // the next call tries again
	}
	p.note(c)
	return true
}

// note queues a change. The caller holds the mutex, so that the queue is in the order of what happened.
func (p *pool) note(c change) {
	p.changes = append(p.changes, c)
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// tell passes the queued changes to changed, in their order, until ctx ends.
func (p *pool) tell(ctx context.Context) {
	for {
		select {
		case <-p.news:
			p.tellAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// tellAll passes the changes that are queued now to changed, in their order.
func (p *pool) tellAll(ctx context.Context) {
	p.mu.Lock()
	changes := p.changes
	p.changes = nil
	p.mu.Unlock()
	for _, c := range changes {
		p.changed(ctx, c)
	}
}

// watch waits until a runtime ends. If nobody has stopped it, watch removes it from the pool, so that a later call starts another, and records
// that it ended by itself.
func (p *pool) watch(version uuid.UUID, i *instance) {
	began := time.Now()
	why := i.process.await()
	p.mu.Lock()
	crashed := p.all[version] == i && !p.closed
	if crashed {
		delete(p.all, version)
		p.falls[version] = p.falls[version].next(began, time.Now(), why)
		p.note(change{version: version, state: idle, err: why})
	}
	p.mu.Unlock()
	if crashed {
		p.log.Error("a runtime ended by itself; a later call starts it again", "version", version, "error", cmp.Or(why, i.process.child.Err()))
	}
}

// reap stops the runtimes that nobody has called for idleAfter, until ctx ends.
func (p *pool) reap(ctx context.Context) {
	clock := time.NewTicker(min(p.idleAfter/4, time.Second))
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			for _, i := range p.takeIdle() {
				i.process.stop(p.life)
			}
		case <-ctx.Done():
			return
		}
	}
}

// takeIdle removes from the pool the runtimes that had no call for idleAfter and may be stopped, and returns them; the caller stops them. A
// call that comes now starts a new one beside.
func (p *pool) takeIdle() (taken []*instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for version, i := range p.all {
		if i.process != nil && i.calls == 0 && time.Since(i.used) >= p.idleAfter && !p.keep(version) {
			taken = append(taken, i)
			delete(p.all, version)
			delete(p.falls, version) // it ended well, so that its next crash is the first in a row
			p.note(change{version: version, state: idle})
		}
	}
	return taken
}

// remove takes the version's runtime from the pool and stops it. It waits until the runtime has answered its calls, or kills it when ctx ends;
// a start is canceled at once.
func (p *pool) remove(ctx context.Context, version uuid.UUID) {
	p.mu.Lock()
	i := p.all[version]
	delete(p.all, version)
	delete(p.falls, version)
	p.mu.Unlock()
	if i == nil {
		return
	}
	if i.process != nil {
		i.process.stop(ctx) // SIGTERM: it answers the calls that it has
		return
	}
	i.cancel()
	select {
	case <-i.started:
	case <-ctx.Done():
	}
}

// close ends the starts, stops all runtimes and waits for them. When ctx ends they are killed.
func (p *pool) close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	all := p.all
	p.all = map[uuid.UUID]*instance{}
	p.mu.Unlock()
	p.end()
	for _, i := range all {
		if i.process != nil {
			p.starts.Go(func() { i.process.stop(ctx) })
		}
	}
	p.starts.Wait()
}
