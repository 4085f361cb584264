package share_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/share"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func places(n int64) *share.Pool {
	return share.NewPool(share.Limit{Most: n, Noun: "places in the queue", Setting: "MAAS_QUEUE"})
}

func must(t *testing.T, s *share.Slots, h share.Holder) share.Slot {
	t.Helper()
	slot, err := s.Acquire(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return slot
}

// line has calls wait in the given order, lets slots go one by one, and returns the order in which they got theirs. It runs in a synctest bubble.
func line(t *testing.T, s *share.Slots, calls []share.Holder, release func(i int)) []share.Holder {
	t.Helper()
	var mu sync.Mutex
	var order []share.Holder
	var all sync.WaitGroup
	for _, h := range calls {
		all.Go(func() {
			slot, err := s.Acquire(t.Context(), h)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, h)
			mu.Unlock()
			time.Sleep(time.Hour) // until nobody waits any more
			slot.Release()
		})
		synctest.Wait()
	}
	for i := range calls {
		release(i)
		synctest.Wait()
	}
	all.Wait()
	return order
}

func TestACallerByItselfMayUseAllSlots(t *testing.T) {
	t.Parallel()
	s := share.NewSlots(8, places(0))
	for range 8 {
		must(t, s, share.Holder{Tenant: "a"})
	}
	_, err := s.Acquire(t.Context(), share.Holder{Tenant: "a"})
	faulttest.AssertKind(t, err, fault.RateLimited)
}

// TestFreeSlotsGoToWhoHoldsFewest has tenant a hold all slots and wait with two keys, before b and c come.
func TestFreeSlotsGoToWhoHoldsFewest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := share.NewSlots(4, places(1000))
		a1, a2 := share.Holder{Tenant: "a", Credential: "1"}, share.Holder{Tenant: "a", Credential: "2"}
		b := share.Holder{Tenant: "b"}
		var held [4]share.Slot
		for i := range held {
			held[i] = must(t, s, a1)
		}

		order := line(t, s, []share.Holder{a1, a2, b, b}, func(i int) { held[i].Release() })

		// b first, which holds none; then b again, since a still holds two; then a's key that holds none.
		if want := fmt.Sprint([]share.Holder{b, b, a2, a1}); fmt.Sprint(order) != want {
			t.Errorf("slots were given to %v, want %s", order, want)
		}
	})
}

// TestOthersContendForASlot has the holder's own calls wait, and then those of another credential.
func TestOthersContendForASlot(t *testing.T) {
	t.Parallel()
	mine := share.Holder{Tenant: "a", Credential: "1"}
	for name, other := range map[string]share.Holder{"of another tenant": {Tenant: "b", Credential: "1"}, "of its tenant": {Tenant: "a", Credential: "2"}} {
		for _, alone := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				s := share.NewSlots(1, places(100))
				slot := must(t, s, mine)
				ctx, cancel := context.WithCancel(t.Context())
				var all sync.WaitGroup
				wait := func(h share.Holder) {
					all.Go(func() { _, _ = s.Acquire(ctx, h) }) // ends with ctx
					synctest.Wait()
				}
				if !alone {
					wait(mine)
					wait(mine)
				}
				if slot.Contended() {
					t.Error("nobody else waits")
				}
				wait(other)
				if !slot.Contended() {
					t.Errorf("a credential %s waits", name)
				}
				cancel()
				all.Wait()
				slot.Release()
				if slot.Contended() {
					t.Error("it has been released")
				}
			})
		}
	}
}

func TestEqualsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := share.NewSlots(6, places(1000))
		z := share.Holder{Tenant: "z"}
		var held [6]share.Slot
		for i := range held {
			held[i] = must(t, s, z)
		}
		a1, a2, b := share.Holder{Tenant: "a", Credential: "1"}, share.Holder{Tenant: "a", Credential: "2"}, share.Holder{Tenant: "b"}

		order := line(t, s, []share.Holder{a1, a1, a2, b, b, b}, func(i int) { held[i].Release() })

		if want := fmt.Sprint([]share.Holder{a1, b, a2, b, a1, b}); fmt.Sprint(order) != want {
			t.Errorf("slots were given to %v, want %s", order, want)
		}
	})
}

func TestTheEndOfAWaitLeavesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := places(1)
		s := share.NewSlots(1, queue)
		slot := must(t, s, share.Holder{Tenant: "a"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		_, err := s.Acquire(ctx, share.Holder{Tenant: "b"})

		if !errors.Is(err, context.DeadlineExceeded) || queue.Stats().Used != 0 {
			t.Errorf("the error is %v, the queue %+v", err, queue.Stats())
		}
		slot.Release()
		slot.Release() // does nothing
		next := must(t, s, share.Holder{Tenant: "c"})
		if _, err := s.Acquire(ctx, share.Holder{Tenant: "c"}); err == nil {
			t.Error("a slot that was released twice is two")
		}
		next.Release()
	})
}

// TestNobodyStarves has a crowd of one tenant beside three with a call each, at random, with cancellations.
func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	const slots = 8
	queue := places(100_000)
	s := share.NewSlots(slots, queue)
	var inside, most atomic.Int64
	var got [4]atomic.Int64
	ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer stop()
	var all sync.WaitGroup
	for i := range 200 {
		tenant := 0 // 197 calls at once of tenant 0, one of each other
		if i < 4 {
			tenant = i
		}
		all.Go(func() {
			for ctx.Err() == nil {
				wait, cancel := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(100*time.Millisecond))))
				slot, err := s.Acquire(wait, share.Holder{Tenant: strconv.Itoa(tenant), Credential: strconv.Itoa(i % 5)})
				if err == nil {
					if n := inside.Add(1); n > most.Load() {
						most.Store(n)
					}
					got[tenant].Add(1)
					time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond))))
					inside.Add(-1)
					slot.Release()
				}
				cancel()
			}
		})
	}
	all.Wait()
	if most.Load() > slots || queue.Stats().Used != 0 {
		t.Errorf("%d held one of %d slots at once; the queue is %+v", most.Load(), slots, queue.Stats())
	}
	for tenant := 1; tenant < len(got); tenant++ {
		if got[tenant].Load() < got[0].Load()/100 || got[tenant].Load() == 0 {
			t.Errorf("tenant %d got %d slots where the crowd got %d", tenant, got[tenant].Load(), got[0].Load())
		}
	}
	var held [slots]share.Slot
	for i := range held {
		held[i] = must(t, s, share.Holder{Tenant: "after"}) // all are there again
	}
}

// TestNobodyPassesHalfWhileOthersWait has one tenant with slots for ever, and sees what it holds once others wait.
func TestNobodyPassesHalfWhileOthersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slots = 8
		s := share.NewSlots(slots, places(100_000))
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		held, waits := map[string]int{}, map[string]int{}
		hold := func(tenant string, d time.Duration) {
			h := share.Holder{Tenant: tenant}
			for ctx.Err() == nil {
				mu.Lock()
				waits[tenant]++
				mu.Unlock()
				slot, err := s.Acquire(ctx, h)
				if err != nil {
					return
				}
				mu.Lock()
				waits[tenant]--
				if held[tenant]++; held[tenant] > slots/2 && waits["b"] > 0 && held["b"] < slots/2 {
					t.Errorf("a got a slot with %d held while b waits", held[tenant])
				}
				mu.Unlock()
				time.Sleep(d + time.Duration(rand.Int64N(1000)))
				mu.Lock()
				held[tenant]--
				mu.Unlock()
				slot.Release()
			}
		}
		var all sync.WaitGroup
		for range 4 * slots {
			all.Go(func() { hold("b", time.Millisecond) })
		}
		synctest.Wait()
		for range 4 * slots {
			all.Go(func() { hold("a", time.Second) }) // a thousand times longer
		}
		time.Sleep(time.Minute)
		stop()
		all.Wait()
	})
}

func TestASlotAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	s := share.NewSlots(2, places(1))
	h := share.Holder{Tenant: "a", Credential: "1"}
	if n := testing.AllocsPerRun(1000, func() {
		slot, _ := s.Acquire(t.Context(), h)
		slot.Release()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSlot(b *testing.B) {
	s := share.NewSlots(2, places(1))
	h := share.Holder{Tenant: "a", Credential: "1"}
	b.ReportAllocs()
	for b.Loop() {
		slot, _ := s.Acquire(b.Context(), h)
		slot.Release()
	}
}

func BenchmarkCrowd(b *testing.B) {
	s := share.NewSlots(4, places(1<<20))
	var n atomic.Int64
	b.SetParallelism(100)
	b.RunParallel(func(pb *testing.PB) {
		h := share.Holder{Tenant: strconv.FormatInt(n.Add(1)%7, 10)}
		for pb.Next() {
			slot, _ := s.Acquire(b.Context(), h)
			slot.Release()
		}
	})
}
