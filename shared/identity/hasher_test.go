package identity

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/env"
)

func hasherOf(t *testing.T, c hashConfig) *hasher {
	t.Helper()
	h, err := newHasher(env.New("test", nil, slog.New(slog.DiscardHandler)), c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)})
}

// queue has requests wait, each in its place when it returns, in a bubble of synctest. They release their slots at once. The function that it returns
// waits for their end.
func (h *hasher) queue(t *testing.T, from func(i int) netip.Addr, many int, served *atomic.Int32) (wait func()) {
	t.Helper()
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			if release, err := h.acquire(t.Context(), unknownClass, from(i)); err == nil {
				served.Add(1)
				release()
			}
		})
	}
	synctest.Wait()
	if n := h.waits(); n != many {
		t.Fatalf("%d of %d requests wait", n, many)
	}
	return all.Wait
}

// hold acquires a slot, which must not be refused.
func (h *hasher) hold(t *testing.T, class string, from netip.Addr) (release func()) {
	t.Helper()
	release, err := h.acquire(t.Context(), class, from)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func (h *hasher) waits() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queued[knownClass] + h.queued[unknownClass]
}

func TestHashingTakesTurns(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 1, Queue: 8, Wait: time.Minute})
	release, err := h.acquire(t.Context(), unknownClass, address(1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = h.acquire(ctx, knownClass, address(2))
	faulttest.AssertKind(t, err, fault.Timeout)
	release()
	if _, err := h.acquire(t.Context(), unknownClass, address(1)); err != nil {
		t.Error(err)
	}
	if n := h.waits(); n != 0 {
		t.Errorf("%d wait", n)
	}
}

func TestAKnownAddressHashesBeforeAFloodOfOthers(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 1, Queue: 1024, Wait: time.Minute})
	if h.class(address(1), "ana") != unknownClass {
		t.Error("a pair is known before a sign-in")
	}
	h.remember(address(1), "ana")
	if h.class(address(1), "ana") != knownClass || h.class(address(2), "ana") != unknownClass || h.class(address(1), "bob") != unknownClass {
		t.Error("known is another pair than signed in")
	}
	synctest.Test(t, func(t *testing.T) {
		release := h.hold(t, unknownClass, address(9))
		var served atomic.Int32
		wait := h.queue(t, func(i int) netip.Addr { return address(100 + i) }, 60, &served)
		before := h.next(t, knownClass, address(1), &served)
		release()
		if n := <-before; n > 2 {
			t.Errorf("%d of the flood went before the known one", n)
		}
		wait()
		if n := served.Load(); n != 60 {
			t.Errorf("%d of 60 were served", n)
		}
	})
}

// next has one more request wait, and returns how many of the others were served before it, or -1 if it was refused.
func (h *hasher) next(t *testing.T, class string, from netip.Addr, served *atomic.Int32) (before <-chan int32) {
	t.Helper()
	got := make(chan int32, 1)
	go func() { // ends with its slot
		release, err := h.acquire(t.Context(), class, from)
		if err != nil {
			t.Error(err)
			got <- -1
			return
		}
		got <- served.Load()
		release()
	}()
	synctest.Wait()
	return got
}

func TestAnAddressWaitsForOneHashOfEachOther(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 1, Queue: 1024, Wait: 10 * time.Second})
	synctest.Test(t, func(t *testing.T) {
		release := h.hold(t, unknownClass, address(9))
		var greedy atomic.Int32
		wait := h.queue(t, func(int) netip.Addr { return address(1) }, 50, &greedy)
		before := h.next(t, unknownClass, address(2), &greedy) // the 50 of the other address are no reason to refuse it
		release()
		if n := <-before; n > 2 {
			t.Errorf("%d hashes of another address went before", n)
		}
		wait()
	})
}

func TestWhoWouldWaitTooLongIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 1, Queue: 1024, Wait: time.Minute})
	h.took = time.Minute / 20
	synctest.Test(t, func(t *testing.T) {
		release := h.hold(t, unknownClass, address(9))
		var served atomic.Int32
		wait := h.queue(t, func(i int) netip.Addr { return address(100 + i) }, 21, &served)
		began := time.Now()
		_, err := h.acquire(t.Context(), unknownClass, address(2))
		faulttest.AssertKind(t, err, fault.Unavailable)
		if after := fault.From(err).RetryAfter; after < time.Minute {
			t.Errorf("Retry-After is %s", after)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the refusal took %s", took)
		}
		before := h.next(t, knownClass, address(1), &served)
		release()
		if n := <-before; n < 0 {
			t.Error("a known address is refused")
		}
		wait()
	})
}

func TestTheUnknownGetHalfOfTheHashes(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 4, Queue: 1024, Wait: time.Minute})
	synctest.Test(t, func(t *testing.T) {
		var held []func()
		for i := range 2 {
			held = append(held, h.hold(t, unknownClass, address(i)))
		}
		var served atomic.Int32
		wait := h.queue(t, func(i int) netip.Addr { return address(100 + i) }, 20, &served)
		began := time.Now()
		for i := range 2 {
			held = append(held, h.hold(t, knownClass, address(50+i)))
		}
		if took := time.Since(began); took > 0 || served.Load() > 0 {
			t.Errorf("the known waited %s for slots that were free, and %d of the unknown had some", took, served.Load())
		}
		for _, release := range held {
			release()
		}
		wait()
		if n := served.Load(); n != 20 {
			t.Errorf("%d of 20 were served", n)
		}
	})
}
