package outbox_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/eventtest"
)

func TestOneLookIsUnderWayAtATimeAndNoneSoonAfterIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var looks, together, most atomic.Int32
	begun, finish := make(chan struct{}), make(chan struct{})
	w.receiver.LookAtMost(time.Hour, "dev.knative.sources.ping", func(context.Context) error {
		looks.Add(1)
		most.Store(max(most.Load(), together.Add(1)))
		close(begun)
		<-finish
		together.Add(-1)
		return nil
	})

	var all sync.WaitGroup
	all.Go(func() { w.deliver(eventtest.Ping) })
	<-begun
	for range 20 { // during the look: accepted at once
		w.deliver(eventtest.Ping)
	}
	close(finish)
	all.Wait()
	for range 20 { // after it, within the interval
		w.deliver(eventtest.Ping)
	}

	if looks.Load() != 1 || most.Load() != 1 {
		t.Errorf("%d looks, %d at once; want 1", looks.Load(), most.Load())
	}
}

func TestALookComesAgainAfterItsInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var looks atomic.Int32
	w.receiver.LookAtMost(time.Millisecond, "dev.knative.sources.ping", func(context.Context) error { looks.Add(1); return nil })
	w.deliver(eventtest.Ping)
	w.eventually("the next look", func() bool {
		w.deliver(eventtest.Ping)
		return looks.Load() > 1
	})
}
