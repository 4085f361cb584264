package cache_test

import (
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/cachetest"
)

// TestAWriterReadsItsOwnWriteThoughRedisHasLostTheFloor deletes a scope's floor, as an eviction or a failover may, and leaves what was kept before.
func TestAWriterReadsItsOwnWriteThoughRedisHasLostTheFloor(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	p := newProcess(t, redis.URL, &truth{value: 7, epoch: 1})
	p.get()
	p.change(8)
	redis.Del("maas:{acme/fraud}:floor")

	if n := p.get(); n != 8 {
		t.Errorf("it is %d", n)
	}
}

// TestAWriteThatWasRolledBackDisturbsOnlyForAWhile announces a write that never comes to be.
func TestAWriteThatWasRolledBackDisturbsOnlyForAWhile(t *testing.T) {
	t.Parallel()
	redis := cachetest.New(t)
	tr := &truth{value: 7, epoch: 1}
	newProcess(t, redis.URL, tr).store.Announce(t.Context(), key.Scope, 2)
	// Two that have not heard of it know it from Redis.
	a, b := newProcess(t, redis.URL, tr), newProcess(t, redis.URL, tr)
	for range 2 {
		a.get()
	}
	if n := tr.reads.Load(); n != 2 {
		t.Errorf("while the write may still commit there are %d reads, want 2", n)
	}

	redis.FastForward(2 * time.Minute)
	a.get()
	b.get()

	if n := tr.reads.Load(); n != 3 {
		t.Errorf("later there are %d reads in all, want 3", n)
	}
	if a.change(8); b.get() != 8 || a.get() != 8 {
		t.Error("a change after that is not seen")
	}
}
