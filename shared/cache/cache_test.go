package cache_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/cachetest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/mounttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// process is one that has a cache, and a truth of which it may know.
type process struct {
	*cache.Cache[int]

	store *cache.Store
	truth *truth
	t     *testing.T
}

// truth is what a database has: a number, its epoch, and how often it was read.
type truth struct {
	mu    sync.Mutex
	value int
	epoch int64
	gone  bool
	reads atomic.Int64
}

func (tr *truth) write(value int) (epoch int64) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.epoch++
	tr.value = value
	return tr.epoch
}

func (tr *truth) load(context.Context) (cache.Loaded[int], error) {
	tr.reads.Add(1)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.gone {
		return cache.Loaded[int]{}, fault.New(fault.NotFound, "There is none.")
	}
	return cache.Loaded[int]{Value: tr.value, Epoch: tr.epoch, Keep: true}, nil
}

// newProcess opens a cache over the Redis of the address, "" for none, and waits until it hears of changes.
func newProcess(t *testing.T, address string, tr *truth) *process {
	t.Helper()
	p := configured(t, map[string]string{"REDIS_URL": address}, tr)
	if address != "" {
		p.await("connected")
	}
	return p
}

// configured opens a cache as the variables say.
func configured(t *testing.T, vars map[string]string, tr *truth) *process {
	t.Helper()
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	store, err := cache.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(store, cache.Kind[int]{
		Name: "number", Bytes: 1 << 20,
		Encode: func(n int) ([]byte, error) { return []byte(strconv.Itoa(n)), nil },
		Decode: func(b []byte) (int, error) { return strconv.Atoi(string(b)) },
		Size:   func(int) int { return 8 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &process{c, store, tr, t}
}

func (p *process) await(redis string) {
	p.t.Helper()
	eventually(p.t, func() bool { return p.store.Stats(p.t.Context()).Redis == redis })
}

func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come to pass within 30 s")
		}
	}
}

var key = cache.Key{Scope: "acme/fraud", Name: "latest"}

func (p *process) get() int {
	p.t.Helper()
	n, err := p.Get(p.t.Context(), key, p.truth.load)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// change writes as a use case does: announce, commit, announce.
func (p *process) change(value int) {
	p.truth.mu.Lock()
	next := p.truth.epoch + 1
	p.truth.mu.Unlock()
	p.store.Announce(p.t.Context(), key.Scope, next)
	p.truth.write(value)
	p.store.Announce(p.t.Context(), key.Scope, next)
}

func TestAnAnswerIsLoadedOnce(t *testing.T) {
	t.Parallel()
	p := newProcess(t, cachetest.New(t).URL, &truth{value: 7})
	for range 3 {
		if n := p.get(); n != 7 {
			t.Errorf("it is %d", n)
		}
	}
	if n := p.truth.reads.Load(); n != 1 {
		t.Errorf("it was loaded %d times", n)
	}
}

func TestProcessesShareAnswersThroughRedis(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{value: 7}
	a, b := newProcess(t, redis.URL, tr), newProcess(t, redis.URL, tr)

	a.get()

	if n := b.get(); n != 7 || tr.reads.Load() != 1 {
		t.Errorf("it is %d after %d loads", n, tr.reads.Load())
	}
}

func TestAChangeIsSeenByAllProcesses(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{value: 7}
	a, b := newProcess(t, redis.URL, tr), newProcess(t, redis.URL, tr)
	a.get()
	b.get()

	a.change(8)

	if n := a.get(); n != 8 {
		t.Errorf("the writer reads %d", n)
	}
	eventually(t, func() bool { return b.get() == 8 })
}

func TestASlowReaderDoesNotBringBackTheOld(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{value: 7}
	a, b := newProcess(t, redis.URL, tr), newProcess(t, redis.URL, tr)
	read, written := make(chan struct{}), make(chan struct{})
	var slow sync.WaitGroup
	slow.Go(func() {
		_, _ = b.Get(t.Context(), key, func(ctx context.Context) (cache.Loaded[int], error) {
			old, err := tr.load(ctx)
			close(read)
			<-written
			return old, err
		})
	})
	<-read
	a.change(8)
	close(written)
	slow.Wait()

	if n := a.get(); n != 8 {
		t.Errorf("the writer reads %d", n)
	}
	eventually(t, func() bool { return b.get() == 8 })
	if c := newProcess(t, redis.URL, tr); c.get() != 8 {
		t.Error("Redis has the old")
	}
}

func TestConcurrentMissesLoadOnce(t *testing.T) {
	t.Parallel()
	p := newProcess(t, cachetest.New(t).URL, &truth{value: 7})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, _ = p.Get(t.Context(), key, func(ctx context.Context) (cache.Loaded[int], error) {
				time.Sleep(20 * time.Millisecond)
				return p.truth.load(ctx)
			})
		})
	}
	all.Wait()
	if n := p.truth.reads.Load(); n != 1 {
		t.Errorf("it was loaded %d times", n)
	}
}

func TestWhatIsNotThereIsKeptShortly(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{gone: true}
	a, b := newProcess(t, redis.URL, tr), newProcess(t, redis.URL, tr)
	for _, p := range []*process{a, a, b} {
		_, err := p.Get(t.Context(), key, tr.load)
		faulttest.AssertKind(t, err, fault.NotFound)
	}
	if n := tr.reads.Load(); n != 1 {
		t.Errorf("it was loaded %d times", n)
	}

	redis.FastForward(11 * time.Second)
	c := newProcess(t, redis.URL, tr)
	_, _ = c.Get(t.Context(), key, tr.load)
	if n := tr.reads.Load(); n != 2 {
		t.Errorf("after 11 s it was loaded %d times", n)
	}
}

func TestACreationIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	tr := &truth{gone: true}
	p := newProcess(t, cachetest.New(t).URL, tr)
	_, _ = p.Get(t.Context(), key, tr.load)

	p.store.Announce(t.Context(), key.Scope, 1)
	tr.mu.Lock()
	tr.gone, tr.value, tr.epoch = false, 7, 1
	tr.mu.Unlock()
	p.store.Announce(t.Context(), key.Scope, 1)

	if n := p.get(); n != 7 {
		t.Errorf("it is %d", n)
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	t.Parallel()
	p := newProcess(t, cachetest.New(t).URL, &truth{value: 7})
	_, err := p.Get(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
		return cache.Loaded[int]{}, errors.New("the registry is away")
	})
	if err == nil {
		t.Error("it did not fail")
	}
	if n := p.get(); n != 7 {
		t.Errorf("it is %d", n)
	}
}

func TestWithoutRedisAnswersLiveASecond(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "", &truth{value: 7})
	p.get()
	p.truth.write(8)
	if n := p.get(); n != 7 {
		t.Errorf("at once it is %d", n)
	}
	eventually(t, func() bool { return p.get() == 8 })
}

func TestRedisMayGoAndComeBack(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{value: 7}
	a, b := newProcess(t, redis.URL, tr), newProcess(t, redis.URL, tr)
	a.get()
	b.get()

	redis.Close()
	a.await("away")
	b.await("away")
	a.change(8) // unheard
	if n := a.get(); n != 8 {
		t.Errorf("the writer reads %d", n)
	}
	eventually(t, func() bool { return b.get() == 8 })

	tr.write(9)
	if err := redis.Restart(); err != nil { // with what it had
		t.Fatal(err)
	}
	a.await("connected")
	b.await("connected")
	a.change(10)
	eventually(t, func() bool { return a.get() == 10 && b.get() == 10 })
}

func TestAPasswordThatRotatesInItsFileIsReadAgain(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{value: 7}
	mounted := func(password string) map[string]string {
		return map[string]string{"url": "redis://:" + password + "@" + redis.Addr() + "\n"}
	}
	redis.RequireAuth("one")
	mount := mounttest.New(t, mounted("one"))
	p := configured(t, map[string]string{"REDIS_URL_FILE": mount.Path("url")}, tr)
	p.await("connected")
	p.get()

	redis.RequireAuth("two")
	redis.Close() // so that its connections are made anew
	p.await("away")
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	mount.Replace(mounted("two"))

	p.await("connected")
	p.change(8)
	eventually(t, func() bool { return p.get() == 8 && redis.Exists("maas:{acme/fraud}:floor") })
}

func TestAChangeThatRedisMissedIsToldLater(t *testing.T) {
	t.Parallel()
	redis, tr := cachetest.New(t), &truth{value: 7}
	a := newProcess(t, redis.URL, tr)
	a.get()
	redis.Close()
	a.await("away")
	a.change(8)
	if err := redis.Restart(); err != nil { // it still holds 7
		t.Fatal(err)
	}

	eventually(t, func() bool { return redis.Exists("maas:{acme/fraud}:floor") })

	if b := newProcess(t, redis.URL, tr); b.get() != 8 {
		t.Error("Redis gives out the old")
	}
}

func TestHitsAreCountedByLevel(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	counting(t, redis, "1h").get() // what it counts is not added in time
	p := newProcess(t, redis.URL, &truth{value: 7})
	p.get()
	p.get()

	levels := p.store.Stats(t.Context()).Levels
	if process, in := levels[0], levels[1]; process.Hits != 1 || process.Misses != 1 || process.Ratio != 0.5 || in.Hits != 1 || in.Misses != 0 {
		t.Errorf("the levels are %+v", levels)
	}
}

func TestWhatTheProcessKeepsIsBounded(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "", &truth{})
	for i := range 20_000 { // about 200 bytes each, of 1 MiB
		p.Put(t.Context(), strconv.Itoa(i), i)
	}
	kept := 0
	for i := range 20_000 {
		if _, ok := p.Peek(t.Context(), cache.Key{Name: strconv.Itoa(i)}); ok {
			kept++
		}
	}
	if kept > 6000 {
		t.Errorf("%d entries are kept", kept)
	}
}
