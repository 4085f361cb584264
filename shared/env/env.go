// Package env has the lifecycle of a process: what its functions open once and share, its background work, whether it is ready, and its close.
//
// Functions that are mounted in one process share a pool, a client and a cache through Once. Each has its own view (For), with its name, its
// logger and its settings.
package env

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/17882237881/MaaS/shared/settings"
)

// Env is one function's view of its process.
type Env struct {
	settings.Settings

	name string
	log  *slog.Logger
	*process
}

// process is what all views share.
type process struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	holds  atomic.Int64 // written under mu

	mu     sync.Mutex
	opened map[string]*slot
	order  []*slot
	free   chan struct{} // closed when the last hold is released
}

type slot struct {
	once  sync.Once
	value any
	close func(context.Context) error
	err   error
}

// New returns the Env of a process from its environment variables. Close ends it.
func New(name string, vars map[string]string, log *slog.Logger) *Env {
	ctx, cancel := context.WithCancel(context.Background())
	return &Env{
		Settings: settings.New(name, vars), name: name, log: log,
		process: &process{ctx: ctx, cancel: cancel, opened: map[string]*slot{}, free: make(chan struct{})},
	}
}

// For returns the view of another function that shares the process.
func (e *Env) For(name string) *Env {
	view := *e
	view.name, view.Settings = name, e.Settings.For(name)
	return &view
}

// Name returns the function's name, as its folder is called.
func (e *Env) Name() string { return e.name }

// Logger returns the process's logger, with the function's name on each line.
func (e *Env) Logger() *slog.Logger { return e.log.With("function", e.name) }

// Once returns the process's one value of a key, which the first call opens; concurrent callers wait for it. A failed
// open is tried again by the next caller. open's context lives as long as the process. The close function that open
// returns may be nil; Close calls the functions in reverse order of opening. It fails if the key was opened with
// another type.
func Once[T any](e *Env, key string, open func(context.Context) (T, func(context.Context) error, error)) (T, error) {
	s := e.slot(key)
	s.once.Do(func() {
		s.value, s.close, s.err = open(e.ctx)
		e.record(key, s)
	})
	if s.err != nil {
		var none T
		return none, s.err
	}
	value, ok := s.value.(T)
	if !ok {
		return value, fmt.Errorf("env: %q was opened as %T, not %T", key, s.value, value)
	}
	return value, nil
}

// slot returns the slot of a key, and creates it if there is none.
func (p *process) slot(key string) *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.opened[key]
	if s == nil {
		s = &slot{}
		p.opened[key] = s
	}
	return s
}

// record adds an opened slot to those that Close closes. If its open failed, it removes the slot, so that the next caller tries again.
func (p *process) record(key string, s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.err != nil {
		delete(p.opened, key)
		return
	}
	p.order = append(p.order, s)
}

// Go runs background work in a goroutine. Close cancels its context and waits for it.
func (e *Env) Go(run func(ctx context.Context)) { e.work.Go(func() { run(e.ctx) }) }

// Hold makes the process not ready until release is called. Several holds may be there at once; release may be called more than once.
func (e *Env) Hold() (release func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.holds.Add(1)
	return sync.OnceFunc(e.release)
}

// release removes one hold, and wakes those in AwaitReady if it was the last.
func (p *process) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds.Add(-1) == 0 {
		close(p.free)
		p.free = make(chan struct{})
	}
}

// Ready reports whether there is no hold. It is cheap: a platform may call it a hundred times a second.
func (e *Env) Ready() bool { return e.holds.Load() == 0 }

// AwaitReady waits until there is no hold. It returns ctx's error if ctx ends before.
func (e *Env) AwaitReady(ctx context.Context) error {
	for !e.Ready() {
		select {
		case <-e.freed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// freed returns a channel that is closed once nothing holds the process; it is closed already if nothing does.
func (p *process) freed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds.Load() == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	return p.free
}

// Close cancels the background work, waits for it until ctx ends, and then closes what was opened, last first. It returns the errors of the
// closes alone.
func (e *Env) Close(ctx context.Context) error {
	e.cancel()
	done := make(chan struct{})
	go func() { e.work.Wait(); close(done) }() // ends with the work, whose context has ended
	select {
	case <-done:
	case <-ctx.Done():
	}
	e.mu.Lock()
	order := e.order
	e.order = nil
	e.mu.Unlock()
	var errs []error
	for _, s := range slices.Backward(order) {
		if s.close != nil {
			errs = append(errs, s.close(ctx))
		}
	}
	return errors.Join(errs...)
}
