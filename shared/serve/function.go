package serve

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpserver"
)

// Open wires a function: it opens what the function needs and returns its routes. e lives as long as the function.
type Open func(ctx context.Context, e *env.Env) (http.Handler, error)

// Function is a function as func-go knows one: Start, Handle, Ready, Alive and Stop. It is safe for concurrent use.
type Function struct {
	open   Open
	called string // its name where the host gave one

	host     atomic.Pointer[host] // nil until started
	draining chan struct{}        // closed when the end begins
	drain    sync.Once
	server   atomic.Pointer[httpserver.Server] // that of a process of its own, by Main; else nil
	patience atomic.Int64                      // how long a process of its own drains, in nanoseconds

	mu       sync.Mutex
	stopped  bool
	inFlight sync.WaitGroup
	ended    atomic.Bool                 // well: Stop has cut nothing off
	end      func(context.Context) error // what Stop does last in a process of its own; nil within a host
}

// New returns a function that is not started. Start or Mount calls open.
func New(open Open) *Function {
	return &Function{open: open, draining: make(chan struct{})}
}

// Mount starts the function within a host that has many, which owns e and closes it after all of them have stopped. It returns when the
// function is ready.
func (f *Function) Mount(ctx context.Context, e *env.Env) error {
	if err := f.mount(ctx, e, nil); err != nil {
		return err
	}
	return e.AwaitReady(ctx)
}

// mount opens the function. It does not wait until the function is ready. cold may be nil.
func (f *Function) mount(ctx context.Context, e *env.Env, cold *coldStart) error {
	handler, err := f.open(ctx, e)
	if err != nil {
		return err
	}
	h, err := newHost(e, handler, cold)
	if err != nil {
		return err
	}
	f.host.Store(h)
	return nil
}

// Handle answers a request. Before the function is ready, and after it has stopped, the answer is 503.
func (f *Function) Handle(w http.ResponseWriter, r *http.Request) {
	h := f.host.Load()
	if h == nil || !h.ready() || !f.enter() {
		notReady(w, r)
		return
	}
	defer f.inFlight.Done()
	h.handle(w, r, f.draining)
}

// ServeHTTP implements http.Handler by calling Handle.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.Handle(w, r) }

// Ready reports whether the function has started, nothing that it opened holds it back (env.Env.Hold), and it is not about to end. It asks
// nobody, so that a platform may ask it as often as it likes, and no outage makes it false.
func (f *Function) Ready(context.Context) (bool, error) {
	select {
	case <-f.draining:
		return false, nil
	default:
		h := f.host.Load()
		return h != nil && h.ready(), nil
	}
}

// Alive reports that the process answers at all. What it needs may be away: starting again would not bring it back.
func (f *Function) Alive(context.Context) (bool, error) { return true, nil }

// Drain begins the end: Ready is false, and what streams without an end of its own (Draining) is told to finish. Requests are still answered; in a
// process of its own those that are left after MAAS_DRAIN_TIMEOUT are answered with 503.
func (f *Function) Drain() {
	f.drain.Do(func() {
		close(f.draining)
		if patience := time.Duration(f.patience.Load()); patience > 0 {
			time.AfterFunc(patience, f.endRequests)
		}
	})
}

// endRequests ends the requests that are still running, with Stopping as the cause. It does nothing within a host.
func (f *Function) endRequests() {
	if server := f.server.Load(); server != nil {
		server.End(Stopping())
	}
}

// stopRetry is when to come again to another replica, or to the next process.
const stopRetry = 5 * time.Second

// Stopping returns the fault of requests that were still running when the drain timeout was over.
func Stopping() error {
	return fault.New(fault.Unavailable, "The server is stopping and has ended the request; try again.", fault.RetryAfter(stopRetry))
}

// drainConfig is that of a process of its own. The default is a minute less than the longest request (timeoutSeconds of the Knative Services, from
// which Knative sets terminationGracePeriodSeconds).
type drainConfig struct {
	Timeout time.Duration `env:"MAAS_DRAIN_TIMEOUT" envDefault:"9m"`
}

const (
	// answering is for requests that were ended to write their answers.
	answering = 2 * time.Second
	// closing is for what is left to do then: events and calls that are still to be posted, telemetry, connections.
	closing = 15 * time.Second
)

// Stop drains, waits until the requests in flight are answered or ctx ends, and closes what the function opened (unless a host owns it).
//
// In a process of its own ctx does not count: it is func-go's, whose 30 s end before many a chunk of an upload has arrived. Then Stop waits for
// MAAS_DRAIN_TIMEOUT, and what it closes has a time of its own.
func (f *Function) Stop(ctx context.Context) error {
	f.Drain()
	end := f.refuse()
	if end == nil {
		return f.awaitIdle(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	wait, cancel := context.WithTimeout(ctx, time.Duration(f.patience.Load())+answering)
	defer cancel()
	late := f.awaitIdle(wait)
	last, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	err := errors.Join(late, end(last))
	f.ended.Store(err == nil)
	return err
}

// awaitIdle waits until no request is in flight. It fails if ctx ends first.
func (f *Function) awaitIdle(ctx context.Context) error {
	idle := make(chan struct{})
	go func() { f.inFlight.Wait(); close(idle) }() // ends with the last request
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return errors.New("serve: requests were still in flight at the end")
	}
}

// refuse makes new requests fail from now on, and returns the function that closes what is open, nil within a host.
func (f *Function) refuse() func(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	return f.end
}

// enter counts a request in, unless the function has stopped.
func (f *Function) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return false
	}
	f.inFlight.Add(1)
	return true
}

type drainingKey struct{}

// Draining returns a channel that is closed when the function that answers the request is about to end. What streams for as long as its client
// likes (Server-Sent Events) ends then. Outside a request the channel is nil, and never closed.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(<-chan struct{})
	return draining
}

// UntilDraining returns a context that ends with ctx or when the function is about to end (Draining). The caller calls the returned function
// to release it.
func UntilDraining(ctx context.Context) (context.Context, context.CancelFunc) {
	until, end := context.WithCancel(ctx)
	go func() { // ends with the context
		select {
		case <-Draining(ctx):
			end()
		case <-until.Done():
		}
	}()
	return until, end
}
