package cache

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/17882237881/MaaS/shared/env"
)

const (
	processLife  = time.Minute      // of an answer in the process
	aloneLife    = time.Second      // the same while Redis is away
	redisLife    = 10 * time.Minute // in Redis, give or take jitter
	jitter       = 0.2
	negativeLife = 10 * time.Second // of "there is none", at both levels
	// floorLife outlives everything that was kept before the floor.
	floorLife = 15 * time.Minute
	// settleTime is how long after an announcement a write may still commit. Until then "there is none" is not kept.
	settleTime = 30 * time.Second
)

type config struct {
	// CountsInterval is how often the process adds what it has counted to what all processes have, in Redis. A process that is killed loses what it counted since.
	CountsInterval time.Duration `env:"MAAS_CACHE_COUNTS_INTERVAL" envDefault:"5s"`
}

// read fills c from the environment variables. It fails if the interval is malformed or less than 1ms.
func (c *config) read(e *env.Env) error {
	if err := e.Config(c); err != nil {
		return err
	}
	if c.CountsInterval < time.Millisecond {
		return fmt.Errorf("MAAS_CACHE_COUNTS_INTERVAL is %s; it must be 1ms or more", c.CountsInterval)
	}
	return nil
}

// Store is what the caches of a process share: Redis, the floors, the counts. It is safe for concurrent use.
type Store struct {
	redis  *redis.Client // nil where there is none
	log    *slog.Logger
	counts *counts
	floors floors
	adding Flights[installation]

	together atomic.Bool  // the subscription stands
	era      atomic.Int64 // what was kept in another era counts no more

	mu     sync.Mutex
	untold map[string]int64 // announcements that Redis has not taken yet: epochs by scope
}

// Open returns the process's store, which the first call makes. Without REDIS_URL it keeps answers in the process only, for a second. It fails if
// the configuration is invalid, but not if Redis is away.
func Open(e *env.Env) (*Store, error) {
	return env.Once(e, "cache", func(context.Context) (*Store, func(context.Context) error, error) {
		var c config
		if err := c.read(e); err != nil {
			return nil, nil, err
		}
		counts, err := newCounts(e)
		if err != nil {
			return nil, nil, err
		}
		s := &Store{log: e.Logger(), counts: counts, untold: map[string]int64{}}
		s.floors.era = &s.era
		if s.redis, err = connect(e); err != nil || s.redis == nil {
			return s, nil, err
		}
		e.Go(s.listen)
		e.Go(s.tellLate)
		e.Go(func(ctx context.Context) { s.addRegularly(ctx, c.CountsInterval) })
		return s, func(context.Context) error { return s.redis.Close() }, nil
	})
}

// life returns how long the process may keep an answer: a minute, or a second while there is no subscription to Redis.
func (s *Store) life() time.Duration {
	if s.together.Load() {
		return processLife
	}
	return aloneLife
}
