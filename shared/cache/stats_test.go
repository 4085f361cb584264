package cache_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/cachetest"
	"github.com/17882237881/MaaS/shared/env"
)

// counting returns a configured process that adds its counts as often as every says.
func counting(t *testing.T, redis cachetest.Redis, every string) *process {
	t.Helper()
	p := configured(t, map[string]string{"REDIS_URL": redis.URL, "MAAS_CACHE_COUNTS_INTERVAL": every}, &truth{value: 7})
	p.await("connected")
	return p
}

// questions returns how often the process level was asked, as the process tells.
func (p *process) questions() int64 {
	level := p.store.Stats(p.t.Context()).Levels[0]
	return level.Hits + level.Misses
}

func TestStatsAreOfAllProcesses(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	a, b := counting(t, redis, "1ms"), counting(t, redis, "1h")
	const gets = 10
	for range gets {
		a.get()
		b.get()
	}

	if n := b.questions(); n < gets {
		t.Errorf("a process tells of %d of its own %d questions", n, gets)
	}
	eventually(t, func() bool { return b.questions() == 2*gets }) // a adds its own by itself

	for _, p := range []*process{a, b} {
		got := p.store.Stats(t.Context())
		local, shared := got.Levels[0], got.Levels[1]
		if got.Scope != "installation" || local.Hits != 2*gets-2 || local.Misses != 2 || shared.Hits != 1 || shared.Misses != 1 || got.Since.IsZero() {
			t.Errorf("the stats are %+v", got)
		}
	}
}

// TestConcurrentStatsCountOnce asks in many ways at once, each of which adds to Redis what is new.
func TestConcurrentStatsCountOnce(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	p, other := counting(t, redis, "1ms"), counting(t, redis, "1ms")
	var all sync.WaitGroup
	const askers, gets = 8, 200
	for i := range askers {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for n := range gets {
				p.get()
				if n%20 == i {
					leaving, leave := context.WithTimeout(ctx, time.Duration(n)*10*time.Microsecond)
					_ = p.store.Stats(leaving)
					leave()
				}
			}
		})
	}
	all.Wait()

	eventually(t, func() bool { return other.questions() >= askers*gets })
	if n := other.questions(); n != askers*gets {
		t.Errorf("%d questions are counted, want %d", n, askers*gets)
	}
}

func TestAProcessThatStopsLosesNoCounts(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	e := env.New("test", map[string]string{"REDIS_URL": redis.URL, "MAAS_CACHE_COUNTS_INTERVAL": "1h"}, slog.New(slog.DiscardHandler))
	store, err := cache.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := cache.New(store, cache.Kind[int]{
		Name: "number", Bytes: 1 << 20, Size: func(int) int { return 8 },
		Encode: func(n int) ([]byte, error) { return []byte(strconv.Itoa(n)), nil },
		Decode: func(b []byte) (int, error) { return strconv.Atoi(string(b)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := numbers.Peek(t.Context(), key); ok {
		t.Error("there is a number")
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	if n := counting(t, redis, "1h").questions(); n != 1 {
		t.Errorf("%d questions are counted, want one", n)
	}
}

func TestCountsOfAnOutageAreAddedAfterIt(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	p, other := counting(t, redis, "1ms"), counting(t, redis, "1h")
	p.get()
	eventually(t, func() bool { return other.questions() == 1 })
	redis.Close()
	p.await("away")
	p.get()
	p.get()
	if got := p.store.Stats(t.Context()); got.Scope != "process" || got.Levels[0].Hits+got.Levels[0].Misses != 3 {
		t.Errorf("during the outage the stats are %+v", got)
	}
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}

	other.await("connected")
	eventually(t, func() bool { return other.questions() == 3 })
}

// TestAnAdditionWithoutAnAnswerCountsOnce has Redis take what a process adds after the process has given up waiting for the answer.
func TestAnAdditionWithoutAnAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	p, other := counting(t, redis, "1h"), counting(t, redis, "1h")
	p.get()
	var slow atomic.Bool
	slow.Store(true)
	redis.Server().SetPreHook(func(_ *server.Peer, command string, _ ...string) bool {
		if command == "EVALSHA" && slow.Swap(false) {
			time.Sleep(time.Second)
		}
		return false
	})
	if got := p.store.Stats(t.Context()); got.Redis != "away" {
		t.Fatalf("the stats are %+v", got)
	}

	eventually(t, func() bool { return other.questions() == 1 })
	p.await("connected")
	if n := other.questions(); n != 1 {
		t.Errorf("%d questions are counted, want one", n)
	}
}

// TestCountingAsksRedisSeldom has many look-ups, none of which may cause a command of its own.
func TestCountingAsksRedisSeldom(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	p := counting(t, redis, "5s")
	p.get()
	before := redis.CommandCount()
	const gets = 10_000
	for range gets {
		p.get()
	}
	if n := redis.CommandCount() - before; n > gets/100 {
		t.Errorf("%d look-ups caused %d commands", gets, n)
	}
}
