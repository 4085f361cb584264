package inference

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/metering"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
	"github.com/17882237881/MaaS/shared/share"
	"github.com/17882237881/MaaS/shared/telemetry"
)

type config struct {
	// MaxBody is the longest request, in bytes.
	MaxBody int64 `env:"MAAS_INFER_MAX_BODY" envDefault:"67108864"`
	// MaxTimeout is the longest that a caller may ask to wait (X-Request-Timeout).
	MaxTimeout time.Duration `env:"MAAS_INFER_MAX_TIMEOUT" envDefault:"10m"`
	// Concurrency is how many calls of one version are at its model server at once, from this process.
	Concurrency int `env:"MAAS_INFER_CONCURRENCY" envDefault:"64"`
	// Queue is how many more wait for a slot.
	Queue int `env:"MAAS_INFER_QUEUE" envDefault:"4096"`
	// Memory bounds the bodies of all calls that are in the process at once, and what is made out of them, in bytes.
	Memory int64 `env:"MAAS_INFER_MEMORY" envDefault:"1073741824"`
	// Unread is how long an answer that is longer than its caller's share of Memory keeps its slot without being read on, once other credentials wait for it.
	Unread time.Duration `env:"MAAS_INFER_UNREAD" envDefault:"1s"`
	// CacheBytes bounds the answers of deterministic versions that the process keeps.
	CacheBytes uint64 `env:"MAAS_INFER_CACHE_BYTES" envDefault:"67108864"`
}

// read fills c from the environment variables. It fails if one is malformed or out of its range, or MAAS_INFER_MEMORY is too small for
// MAAS_INFER_MAX_BODY.
func (c *config) read(e *env.Env) error {
	if err := e.Config(c); err != nil {
		return err
	}
	switch {
	case c.MaxBody < 1 || c.Memory/bodiesInMemory < c.MaxBody:
		return fmt.Errorf("MAAS_INFER_MAX_BODY must be 1 or more and MAAS_INFER_MEMORY at least %d times as much; they are %d and %d",
			bodiesInMemory, c.MaxBody, c.Memory)
	case c.Concurrency < 1 || c.Queue < 0:
		return errors.New("MAAS_INFER_CONCURRENCY is 1 or more, and MAAS_INFER_QUEUE 0 or more")
	case c.Unread < time.Millisecond:
		return errors.New("MAAS_INFER_UNREAD is 1ms or more")
	case c.MaxTimeout < time.Millisecond:
		return errors.New("MAAS_INFER_MAX_TIMEOUT is 1ms or more")
	}
	return nil
}

// Gateway answers calls. It is safe for concurrent use.
type Gateway struct {
	config   config
	resolver *resolver.Resolver
	servers  *openinference.Client
	slots    *slots
	results  *results
	meter    *metering.Meter
	metrics  metrics
	memory   *share.Pool
	decodes  *decoding.Slots
}

// Open returns the process's gateway, which the first call makes from the environment variables and r. It registers metrics, and limits the heap.
func Open(e *env.Env, r *resolver.Resolver) (*Gateway, error) {
	return env.Once(e, "inference", func(context.Context) (*Gateway, func(context.Context) error, error) {
		var c config
		if err := c.read(e); err != nil {
			return nil, nil, err
		}
		bodies := share.NewPool(share.Limit{Most: c.Memory, Noun: "bytes of memory for bodies", Setting: "MAAS_INFER_MEMORY", RetryAfter: busyRetry})
		limitHeap(c.Memory)
		decodes, err := decoding.Open(e)
		if err != nil {
			return nil, nil, err
		}
		kept, err := openResults(e, c.CacheBytes, bodies)
		if err != nil {
			return nil, nil, err
		}
		meter, err := metering.Open(e)
		if err != nil {
			return nil, nil, err
		}
		metrics, err := openMetrics(e)
		if err != nil {
			return nil, nil, err
		}
		slots := newSlots(c.Concurrency, c.Queue)
		err = errors.Join(telemetry.RegisterShare(e, "inference_memory", bodies.Stats), telemetry.RegisterShare(e, "inference_queue", slots.waiting))
		if err != nil {
			return nil, nil, err
		}
		g := &Gateway{
			config: c, resolver: r, servers: openinference.NewClient(c.MaxBody), slots: slots,
			results: kept, meter: meter, metrics: metrics, memory: bodies, decodes: decodes,
		}
		return g, func(context.Context) error { g.servers.Close(); return nil }, nil
	})
}
