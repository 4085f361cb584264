package inference

import (
	"context"
	"hash/fnv"

	"github.com/17882237881/MaaS/shared/ref"
	"github.com/17882237881/MaaS/shared/registry"
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
