package identity

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/faulttest"
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

// queue has requests wait, and returns once they do. They release their slots at once. The function that it returns waits for their end.
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
	for until := time.Now().Add(20 * time.Second); h.waits() < many; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d of %d requests wait", h.waits(), many)
		}
	}
	return all.Wait
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
	release, err := h.acquire(t.Context(), unknownClass, address(9))
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int32
	wait := h.queue(t, func(i int) netip.Addr { return address(100 + i) }, 60, &served)
	before := make(chan int32, 1)
	go func() { // ends with its slot
		release, err := h.acquire(t.Context(), knownClass, address(1))
		if err != nil {
			t.Error(err)
			return
		}
		before <- served.Load()
		release()
	}()
	for h.waits() < 61 {
		time.Sleep(time.Millisecond)
	}
	release()
	if n := <-before; n > 2 {
		t.Errorf("%d of the flood went before the known one", n)
	}
	wait()
	if n := served.Load(); n != 60 {
		t.Errorf("%d of 60 were served", n)
	}
}

func TestAnAddressWaitsForOneHashOfEachOther(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 1, Queue: 1024, Wait: 10 * time.Second})
	release, err := h.acquire(t.Context(), unknownClass, address(9))
	if err != nil {
		t.Fatal(err)
	}
	var greedy atomic.Int32
	wait := h.queue(t, func(int) netip.Addr { return address(1) }, 50, &greedy)
	before := make(chan int32, 1)
	go func() { // ends with its slot; the 50 of the other address are no reason to refuse it
		release, err := h.acquire(t.Context(), unknownClass, address(2))
		if err != nil {
			t.Error(err)
			before <- 0
			return
		}
		before <- greedy.Load()
		release()
	}()
	for h.waits() < 51 {
		time.Sleep(time.Millisecond)
	}
	release()
	if n := <-before; n > 2 {
		t.Errorf("%d hashes of another address went before", n)
	}
	wait()
}

func TestWhoWouldWaitTooLongIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := hasherOf(t, hashConfig{Hashes: 1, Queue: 1024, Wait: time.Minute})
	h.took = time.Minute / 20
	release, err := h.acquire(t.Context(), unknownClass, address(9))
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int32
	wait := h.queue(t, func(i int) netip.Addr { return address(100 + i) }, 21, &served)
	began := time.Now()
	_, err = h.acquire(t.Context(), unknownClass, address(2))
	faulttest.AssertKind(t, err, fault.Unavailable)
	if after := fault.From(err).RetryAfter; after < time.Minute {
		t.Errorf("Retry-After is %s", after)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the refusal took %s", took)
	}
	known := make(chan error, 1)
	go func() { // ends with its slot
		release, err := h.acquire(t.Context(), knownClass, address(1))
		if err == nil {
			release()
		}
		known <- err
	}()
	release()
	if err := <-known; err != nil {
		t.Errorf("a known address is refused: %v", err)
	}
	wait()
}
