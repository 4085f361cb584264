package cache

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Stats returns the hits and misses of all processes that share the Redis. Those of other processes are as old as MAAS_CACHE_COUNTS_INTERVAL.
// Without Redis, or while it is away, it returns those of this process, and says so.
func (s *Store) Stats(ctx context.Context) api.CacheStats {
	out := api.CacheStats{Scope: "process", Since: s.counts.began, Redis: "connected"}
	all := s.counts.totals()
	switch {
	case s.redis == nil:
		out.Redis = "none"
	case !s.together.Load():
		out.Redis = "away"
	default:
		shared, _, err := s.adding.Do(ctx, "", s.addCounts)
		if err != nil {
			out.Redis = "away"
			break
		}
		out.Scope, out.Since, all = "installation", shared.since, shared.totals
	}
	out.Levels = []api.CacheLevel{level("process", all[0], all[1]), level("redis", all[2], all[3])}
	return out
}

// level returns the counts of a level of the cache, with its ratio of hits; 0 without any requests.
func level(name string, hits, misses int64) api.CacheLevel {
	l := api.CacheLevel{Level: name, Hits: hits, Misses: misses}
	if all := l.Hits + l.Misses; all > 0 {
		l.Ratio = float64(l.Hits) / float64(all)
	}
	return l
}

// totals are hits and misses of the process level, then of the Redis level.
type totals [4]int64

// String returns the numbers separated by spaces, as the script add reads them.
func (t totals) String() string { return strings.Trim(fmt.Sprint([4]int64(t)), "[]") }

// counts are the sums over all caches of the process, and the metric by cache.
type counts struct {
	process, redis sum
	metric         *prometheus.CounterVec
	began          time.Time
	id             string // the process's, in Redis

	mu    sync.Mutex
	added totals // what Redis has of them
}

type sum struct{ hits, misses atomic.Int64 }

// totals returns the present counts of the process.
func (c *counts) totals() totals {
	return totals{c.process.hits.Load(), c.process.misses.Load(), c.redis.hits.Load(), c.redis.misses.Load()}
}

// installation is what all processes have counted.
type installation struct {
	since  time.Time
	totals totals
}

// ownCounts is how long Redis knows, after an addition, what a process has added.
const ownCounts = 24 * time.Hour

// addCounts adds to Redis what the process has counted since the last addition, and returns the totals of all processes. After a failure the next
// call adds it; nothing is added twice, also if Redis took it without an answer.
func (s *Store) addCounts(ctx context.Context) (all installation, err error) {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	now := s.counts.totals()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisTime) // a caller that leaves does not make it uncertain what Redis took
	defer cancel()
	found, err := add.Run(ctx, s.redis, []string{countsKey, ownCountsKey(s.counts.id)},
		time.Now().Unix(), int64(ownCounts/time.Second), now.String(), s.counts.added.String()).Int64Slice()
	if err != nil {
		return all, err
	}
	if len(found) != 1+len(all.totals) {
		return all, fmt.Errorf("cache: Redis has %d counts, want %d", len(found), 1+len(all.totals))
	}
	s.counts.added = now
	all.since = time.Unix(found[0], 0).UTC()
	copy(all.totals[:], found[1:])
	return all, nil
}

// addRegularly adds the process's counts to Redis each time every has passed, and a last time when ctx ends. Counts
// that could not be added are added next time; the first failure in a row is logged. Nothing is added while nothing has
// changed.
func (s *Store) addRegularly(ctx context.Context, every time.Duration) {
	failing := false
	for more := true; more; {
		more = backoff.Sleep(ctx, every) == nil
		s.counts.mu.Lock()
		changed := s.counts.totals() != s.counts.added
		s.counts.mu.Unlock()
		if changed && (s.together.Load() || !more) {
			_, err := s.addCounts(ctx) // within redisTime
			if err != nil && !failing {
				s.log.WarnContext(ctx, "the cache's counts cannot be added to Redis", "error", err)
			}
			failing = err != nil
		}
	}
}

// newCounts returns counts of zero, for a new id of the process, and registers their metric.
func newCounts(e *env.Env) (*counts, error) {
	metric, err := telemetry.Register(e, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "maas_cache_requests_total",
		Help: "What caches were asked for, by cache, level (process, redis) and result (hit, miss).",
	}, []string{"cache", "level", "result"}))
	return &counts{metric: metric, began: time.Now().UTC().Truncate(time.Second), id: uuid.NewString()}, err
}

// counters are one cache's.
type counters struct{ process, redis counter }

type counter struct {
	sum          *sum
	hits, misses prometheus.Counter
}

// of returns the counters of the cache with the name.
func (c *counts) of(cache string) counters {
	at := func(level string, s *sum) counter {
		return counter{s, c.metric.WithLabelValues(cache, level, "hit"), c.metric.WithLabelValues(cache, level, "miss")}
	}
	return counters{at("process", &c.process), at("redis", &c.redis)}
}

// hit counts a hit, for Stats and in the metric.
func (c *counter) hit() {
	c.sum.hits.Add(1)
	c.hits.Inc()
}

// miss counts a miss, for Stats and in the metric.
func (c *counter) miss() {
	c.sum.misses.Add(1)
	c.misses.Inc()
}
