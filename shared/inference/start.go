package inference

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
)

const (
	// The pauses between two looks at a version that does not run.
	firstLook   = 50 * time.Millisecond
	longestLook = time.Second
	// startRetry is when a client may come again for a version that starts.
	startRetry = 2 * time.Second
	// leastRetry is the least of what a client is told to wait before it comes again for a version that failed to start.
	leastRetry = time.Second
	// askTime is how long a server may take to say that it is ready. One that starts lets whoever asks it wait.
	askTime = 500 * time.Millisecond
)

// awaitStart returns the report's version once it can be called; until then it looks at it again and again. It fails with Unavailable if the start
// has failed, or the time that the caller will wait is over. The time waited is added to the report.
func (g *Gateway) awaitStart(ctx context.Context, c *call, r *report) (*resolver.Version, error) {
	v := r.version
	if v.Callable() {
		return v, nil
	}
	began := time.Now()
	defer func() { r.cold += time.Since(began) }()
	if c.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.wait)
		defer cancel()
	}
	for pauses := (backoff.Backoff{First: firstLook, Longest: longestLook}); !v.Callable(); {
		if err := notStarting(c.target.Model, v); err != nil {
			return nil, err
		}
		if pauses.Wait(ctx) != nil {
			return nil, gaveUp(ctx, c.target.Model, v)
		}
		now, err := g.look(ctx, c, v.Version)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, gaveUp(ctx, c.target.Model, v)
		case err != nil:
			return nil, err
		}
		v, r.version = now, now
	}
	return v, nil
}

// withStartLimit calls run, and cancels it with Unavailable when the call's preferred wait (Prefer: wait) is over and its server is not ready by
// then. Without such a wait it only calls run. The start itself goes on.
//
// A version that is scaled to zero counts as callable, although the call itself starts it: only the server can tell whether it is ready.
func (g *Gateway) withStartLimit(
	ctx context.Context, c *call, r *report, run func(context.Context) (*answer, error),
) (*answer, error) {
	if c.wait == 0 {
		return run(ctx)
	}
	ctx, end := context.WithCancel(ctx) // ends with the call
	var settled atomic.Bool             // the answer has begun, or the wait is over
	server := endpointOf(c.target.Model, r.version)
	timer := time.AfterFunc(c.wait-time.Since(r.began), func() {
		if !g.ready(ctx, server) && settled.CompareAndSwap(false, true) {
			end()
		}
	})
	defer timer.Stop()
	a, err := run(ctx)
	if settled.CompareAndSwap(false, true) {
		return a, err
	}
	if a != nil {
		a.close()
	}
	r.cold, r.compute = r.cold+r.compute, 0
	return nil, starting(c.target.Model, r.version)
}

// ready reports whether the server answers within half a second that it is ready.
func (g *Gateway) ready(ctx context.Context, server openinference.Endpoint) bool {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return g.servers.Ready(ctx, server) == nil
}

// gaveUp returns the error of a call that ended before its version had started: ctx's if the caller went away, otherwise the fault of starting.
func gaveUp(ctx context.Context, m ref.Model, v *resolver.Version) error {
	if fault.Is(ctx.Err(), fault.Canceled) {
		return ctx.Err()
	}
	return starting(m, v)
}

// starting returns the Unavailable fault of a version that does not run: its start has failed, is retried later, or is
// under way. The fault says when to try again.
func starting(m ref.Model, v *resolver.Version) error {
	if err := notStarting(m, v); err != nil {
		return err
	}
	return fault.New(fault.Unavailable, fmt.Sprintf("%s@%s is still starting; try again.", m, v.Version), fault.RetryAfter(startRetry))
}

// notStarting returns an Unavailable fault if a version's start has failed, for good or until the next attempt, and nil
// otherwise.
func notStarting(m ref.Model, v *resolver.Version) error {
	pause := time.Until(v.RetryAt)
	switch {
	case v.Status == api.DeploymentFailed:
		return fault.New(fault.Unavailable, fmt.Sprintf("%s@%s failed to start: %s", m, v.Version, v.Reason), fault.RetryAfter(max(pause, leastRetry)))
	case v.Failure == api.FailurePassing && pause > 0:
		return fault.New(fault.Unavailable, fmt.Sprintf("%s@%s could not start yet, and is tried again: %s", m, v.Version, v.Reason),
			fault.RetryAfter(max(pause, leastRetry)))
	default:
		return nil
	}
}
