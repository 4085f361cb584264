package cache

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Stats is how often the caches of a process had what they were asked for, since it started.
type Stats struct {
	Levels []Level `json:"levels"`
	Redis  string  `json:"redis"` // "connected", "away" or "none"
}

// Level is one of the two levels.
type Level struct {
	Level  string  `json:"level"` // "process" or "redis"
	Hits   int64   `json:"hits"`
	Misses int64   `json:"misses"`
	Ratio  float64 `json:"ratio"` // of hits; 0 before the first question
}

// Stats counts over all caches of the store.
func (s *Store) Stats() Stats {
	out := Stats{Levels: []Level{s.counts.process.level("process"), s.counts.redis.level("redis")}, Redis: "connected"}
	switch {
	case s.redis == nil:
		out.Redis = "none"
	case !s.together.Load():
		out.Redis = "away"
	}
	return out
}

// counts are the sums over all caches, and the metric by cache.
type counts struct {
	process, redis sum
	metric         *prometheus.CounterVec
}

type sum struct{ hits, misses atomic.Int64 }

func (s *sum) level(name string) Level {
	l := Level{Level: name, Hits: s.hits.Load(), Misses: s.misses.Load()}
	if all := l.Hits + l.Misses; all > 0 {
		l.Ratio = float64(l.Hits) / float64(all)
	}
	return l
}

func newCounts(e *env.Env) (*counts, error) {
	metric, err := telemetry.Register(e, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "maas_cache_requests_total",
		Help: "What caches were asked for, by cache, level (process, redis) and result (hit, miss).",
	}, []string{"cache", "level", "result"}))
	return &counts{metric: metric}, err
}

// counters are one cache's.
type counters struct{ process, redis counter }

type counter struct {
	sum          *sum
	hits, misses prometheus.Counter
}

func (c *counts) of(cache string) counters {
	at := func(level string, s *sum) counter {
		return counter{s, c.metric.WithLabelValues(cache, level, "hit"), c.metric.WithLabelValues(cache, level, "miss")}
	}
	return counters{at("process", &c.process), at("redis", &c.redis)}
}

func (c *counter) hit() {
	c.sum.hits.Add(1)
	c.hits.Inc()
}

func (c *counter) miss() {
	c.sum.misses.Add(1)
	c.misses.Inc()
}
