package inference

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/resolver"
)

// locate sets the call's version to the one that its target leads to, whether or not it runs. With split traffic it chooses one. It fails as
// resolver.Resolve does.
func (g *Gateway) locate(ctx context.Context, c *call) error {
	route, err := g.resolver.Resolve(ctx, c.who, c.target)
	if err != nil {
		return err
	}
	c.version, c.located = &route.Version, time.Now()
	if chosen := choose(route.Traffic, c.target.Model, c.session); !chosen.IsZero() && chosen.Compare(c.version.Version) != 0 {
		c.version, err = g.look(ctx, c, chosen)
	}
	return err
}

// look returns a version's current state. If the version does not run, look requests its start, unless somebody has just done so.
func (g *Gateway) look(ctx context.Context, c *call, v ref.Version) (*resolver.Version, error) {
	route, err := g.resolver.Resolve(ctx, c.who, ref.Target{Model: c.target.Model, Selector: ref.Exact(v)})
	if err != nil {
		return nil, err
	}
	return &route.Version, nil
}

// choose returns the version that a call goes to, zero for no traffic. Without a session it is drawn anew for each call, by weight. Calls of one
// session go to the same version while the weights stay; a change moves as few sessions as possible.
func choose(traffic []resolver.Share, m ref.Model, session string) ref.Version {
	switch {
	case len(traffic) == 0:
		return ref.Version{}
	case len(traffic) == 1:
		return traffic[0].Version
	case session == "":
		return draw(traffic)
	default:
		return rendezvous(traffic, m, session)
	}
}

// draw returns a random version, each with the probability of its weight.
func draw(traffic []resolver.Share) ref.Version {
	sum := 0
	for _, share := range traffic {
		sum += share.Weight
	}
	place := rand.IntN(max(sum, 1)) //nolint:gosec // it splits load and guards nothing
	for _, share := range traffic {
		if place -= share.Weight; place < 0 {
			return share.Version
		}
	}
	return traffic[len(traffic)-1].Version
}

// rendezvous chooses a session's version by weighted rendezvous hashing: each version bids -log(fraction)/weight, and the least bid wins. A version
// wins with the probability of its weight, and when weights change, sessions only move to versions whose part has grown. It returns zero if no
// weight is above 0.
func rendezvous(traffic []resolver.Share, m ref.Model, session string) ref.Version {
	var chosen ref.Version
	least := math.Inf(1)
	for _, share := range traffic {
		if share.Weight < 1 {
			continue
		}
		bid := -math.Log(fraction(m, share.Version, session)) / float64(share.Weight)
		if chosen.IsZero() || bid < least {
			chosen, least = share.Version, bid
		}
	}
	return chosen
}

// fraction returns a number between 0 and 1, exclusive, that is a hash of the version and the session.
func fraction(m ref.Model, v ref.Version, session string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(m.String() + "\x00" + v.String() + "\x00" + session))
	x := h.Sum64() // FNV's high bits are poor for short keys: mix them (MurmurHash3's finalizer)
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return (float64((x^x>>33)>>11) + 0.5) / (1 << 53)
}
