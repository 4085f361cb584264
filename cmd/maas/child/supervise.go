package child

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
)

// A child that dies is started again after firstPause, then twice that, up to lastPause; one that ran for steadyAfter begins anew.
const (
	firstPause  = 100 * time.Millisecond
	lastPause   = 10 * time.Second
	steadyAfter = 30 * time.Second
)

// Supervised is a child that is started again whenever it ends, until Stop.
type Supervised struct {
	spec    Spec
	current atomic.Pointer[Process]
	cancel  context.CancelFunc
	ended   chan struct{}
}

// Supervise starts a child, waits until it is ready, and restarts it whenever it ends, until Stop. It fails if the first start fails; later
// failures are logged and tried again. ctx bounds the first start alone.
func Supervise(ctx context.Context, spec Spec) (*Supervised, error) {
	first, err := Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	watch, cancel := context.WithCancel(context.Background())
	s := &Supervised{spec: spec.withDefaults(), cancel: cancel, ended: make(chan struct{})}
	s.current.Store(first)
	go s.keep(watch) // ends with Stop
	return s, nil
}

// Process returns the present run, or the last one while the child is being started again.
func (s *Supervised) Process() *Process { return s.current.Load() }

// Stop ends the supervision and the child: asked first, killed after the grace or when ctx ends. The child is gone when it returns.
func (s *Supervised) Stop(ctx context.Context) {
	s.cancel()
	<-s.ended
	s.Process().Stop(ctx)
}

// keep restarts the child whenever it ends, until watch ends. The pauses grow from firstPause to lastPause, and begin anew for a child that
// ran for steadyAfter.
func (s *Supervised) keep(watch context.Context) {
	defer close(s.ended)
	pauses := backoff.Backoff{First: firstPause, Longest: lastPause, Factor: 2}
	for {
		began := time.Now()
		if !s.awaitEnd(watch) {
			return
		}
		if time.Since(began) > steadyAfter {
			pauses.Reset()
		}
		s.revive(watch, &pauses)
	}
}

// awaitEnd waits until the present run ends, logs that and returns true. It returns false if the supervision ends first.
func (s *Supervised) awaitEnd(watch context.Context) bool {
	select {
	case <-watch.Done():
		return false
	case <-s.Process().Done():
		s.spec.Log.Error("the child ended and is started again", "child", s.spec.Name, "error", s.Process().Err())
		return true
	}
}

// revive starts the child again after a pause, until that succeeds or the supervision ends.
func (s *Supervised) revive(watch context.Context, pauses *backoff.Backoff) {
	for pauses.Wait(watch) == nil {
		next, err := Start(watch, s.spec)
		if err == nil {
			s.current.Store(next)
			return
		}
		s.spec.Log.Error("the child could not be started", "child", s.spec.Name, "error", err)
	}
}
