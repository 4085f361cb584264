package inference

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/ref"
	"github.com/17882237881/MaaS/shared/registry"
)

const (
	firstLook = 50 * time.Millisecond // after a version was found not to run
	lastLook  = time.Second           // the pauses double up to this
	// startRetry is when a client may come again for a version that starts.
	startRetry = 2 * time.Second
)

// locate gives the version that the call goes to, whether or not it runs.
func (g *Gateway) locate(ctx context.Context, c *call) (*registry.Version, error) {
	route, err := g.registry.Resolve(ctx, c.who, c.target)
	if err != nil {
		return nil, err
	}
	chosen := choose(route.Traffic, c.target.Model, c.sticky)
	if chosen.IsZero() || chosen.Compare(route.Version.Version) == 0 {
		return &route.Version, nil
	}
	return g.look(ctx, c, chosen)
}

// look asks for a version as it is now. If it does not run, that asks for its start, unless somebody else has lately.
func (g *Gateway) look(ctx context.Context, c *call, v ref.Version) (*registry.Version, error) {
	route, err := g.registry.Resolve(ctx, c.who, ref.Target{Model: c.target.Model, Selector: ref.Exact(v)})
	if err != nil {
		return nil, err
	}
	return &route.Version, nil
}

// awaitStart gives the version as it is when it runs; until then it looks again and again.
func (g *Gateway) awaitStart(ctx context.Context, c *call, v *registry.Version, r *report) (*registry.Version, error) {
	if v.Callable() {
		return v, nil
	}
	began := time.Now()
	defer func() { r.cold += time.Since(began) }()
	if c.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.wait)
		defer cancel()
	}
	for pause := firstLook; !v.Callable(); pause = min(2*pause, lastLook) {
		if v.Status == "failed" {
			return nil, fault.New(fault.Unavailable, fmt.Sprintf("%s@%s cannot start: %s", c.target.Model, v.Version, v.Reason),
				fault.RetryAfter(startRetry))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, gaveUp(ctx, c.target.Model, v)
		}
		now, err := g.look(ctx, c, v.Version)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, gaveUp(ctx, c.target.Model, v)
		case err != nil:
			return nil, err
		}
		v, r.version = now, now
	}
	return v, nil
}

// gaveUp is what a call is told that ends before its version has started.
func gaveUp(ctx context.Context, m ref.Model, v *registry.Version) error {
	if fault.Is(ctx.Err(), fault.Canceled) {
		return ctx.Err()
	}
	return starting(m, v)
}

func starting(m ref.Model, v *registry.Version) error {
	return fault.New(fault.Unavailable, fmt.Sprintf("%s@%s is still starting; try again.", m, v.Version), fault.RetryAfter(startRetry))
}

// choose gives the version that a caller's share of the traffic is, always the same one while the traffic is: the shares lie one after
// another on a scale of 100, and the caller has a place there for each model.
func choose(traffic []registry.Share, m ref.Model, sticky string) ref.Version {
	if len(traffic) == 0 {
		return ref.Version{}
	}
	if len(traffic) == 1 {
		return traffic[0].Version
	}
	place := placeOf(m, sticky)
	for _, share := range traffic {
		if place -= share.Weight; place < 0 {
			return share.Version
		}
	}
	return traffic[len(traffic)-1].Version
}

// placeOf gives a number from 0 to 99.
func placeOf(m ref.Model, sticky string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(m.String() + "\x00" + sticky))
	x := h.Sum64() // FNV's high bits are poor for short keys: mix them (MurmurHash3's finalizer)
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return int((x ^ x>>33) % 100)
}
