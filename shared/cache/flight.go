package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Flights runs one piece of work for all who want its result at the same time. The work ends when nobody waits for it any more: one
// caller's going away does not end it for the others. The zero value is ready for use.
type Flights[T any] struct {
	mu    sync.Mutex
	under map[string]*flight[T]
}

type flight[T any] struct {
	done    chan struct{}
	value   T
	err     error
	waiting int
	sofar   T // what the work has reported
	cancel  context.CancelFunc
}

// Do returns the result of work for the key. Concurrent calls with the same key share one run of work; joined reports whether the run had begun
// before. It fails as work does, and with ctx's error if ctx ends first. Work is cancelled when no caller waits any more.
func (f *Flights[T]) Do(ctx context.Context, key string, work func(context.Context) (T, error)) (value T, joined bool, err error) {
	return f.DoReporting(ctx, key, func(ctx context.Context, _ func(T)) (T, error) { return work(ctx) })
}

// Reporter is work that calls report with what it has so far.
type Reporter[T any] = func(ctx context.Context, report func(T)) (T, error)

// DoReporting is like Do for work that reports values as it runs. If ctx ends first, it returns the value reported
// last, the zero value if there was none, and ctx's error.
func (f *Flights[T]) DoReporting(ctx context.Context, key string, work Reporter[T]) (value T, joined bool, err error) {
	one, joined := f.join(ctx, key, work)
	select {
	case <-one.done:
		f.leave(key, one)
		return one.value, joined, one.err
	case <-ctx.Done():
		return f.leave(key, one), joined, ctx.Err()
	}
}

// join returns the key's flight, and begins one with work if there is none. joined reports whether there was one. The caller waits for the flight
// and then calls leave.
func (f *Flights[T]) join(ctx context.Context, key string, work Reporter[T]) (one *flight[T], joined bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one = f.under[key]; one != nil {
		one.waiting++
		return one, true
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // leave and land call it
	one = &flight[T]{done: make(chan struct{}), waiting: 1, cancel: cancel}
	if f.under == nil {
		f.under = map[string]*flight[T]{}
	}
	f.under[key] = one
	go f.fly(ctx, key, one, work) // ends with the work, whose context ends with the last who waits
	return one, false
}

// fly runs the work of a flight. A panic in it becomes the error that the waiting callers get.
func (f *Flights[T]) fly(ctx context.Context, key string, one *flight[T], work Reporter[T]) {
	defer f.land(key, one)
	defer func() {
		if reason := recover(); reason != nil {
			one.err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	one.value, one.err = work(ctx, func(value T) {
		f.mu.Lock()
		defer f.mu.Unlock()
		one.sofar = value
	})
}

// land ends a flight: its waiting callers get the result, and the next call of join begins a new flight.
func (f *Flights[T]) land(key string, one *flight[T]) {
	f.mu.Lock()
	if f.under[key] == one {
		delete(f.under, key)
	}
	f.mu.Unlock()
	one.cancel()
	close(one.done)
}

// leave removes a waiter, cancels the work if none is left, and returns the value reported last.
func (f *Flights[T]) leave(key string, one *flight[T]) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting--; one.waiting > 0 {
		return one.sofar
	}
	one.cancel()
	if f.under[key] == one {
		delete(f.under, key)
	}
	return one.sofar
}
