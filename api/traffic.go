package api

import (
	"encoding/json"
	"slices"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// Scale bounds the replicas of a deployment.
type Scale struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Share is a version's part of an alias's traffic, in percent.
type Share struct {
	Version ref.Version `json:"version"`
	Weight  int         `json:"weight"`
}

// Traffic is where an alias leads: shares of 1 to 100 % that add up to 100, the greatest first, of equal ones the higher version.
type Traffic []Share

const maxShares = 10

// AllTo is the traffic that goes to one version.
func AllTo(v ref.Version) Traffic { return Traffic{{Version: v, Weight: 100}} }

// UnmarshalJSON checks traffic and puts it in order.
func (t *Traffic) UnmarshalJSON(text []byte) error {
	var shares []Share
	if err := json.Unmarshal(text, &shares); err != nil {
		if fault.Is(err, fault.Invalid) {
			return err // a version says what is wrong with it
		}
		return invalid("traffic", "must be an array of {version, weight}")
	}
	traffic, err := NewTraffic(shares)
	*t = traffic
	return err
}

// NewTraffic checks shares and puts them in order.
func NewTraffic(shares []Share) (Traffic, error) {
	if len(shares) > maxShares {
		return nil, invalid("traffic", "has more than %d shares", maxShares)
	}
	sum := 0
	seen := map[string]bool{}
	for _, share := range shares {
		if share.Version.IsZero() || share.Weight < 1 || share.Weight > 100 {
			return nil, invalid("traffic", "must give each version a weight of 1 to 100 percent")
		}
		if seen[share.Version.String()] {
			return nil, invalid("traffic", "names %s twice", share.Version)
		}
		seen[share.Version.String()] = true
		sum += share.Weight
	}
	if len(shares) > 0 && sum != 100 {
		return nil, invalid("traffic", "has weights that add up to %d, not to 100", sum)
	}
	traffic := Traffic(slices.Clone(shares))
	slices.SortFunc(traffic, func(a, b Share) int {
		if a.Weight != b.Weight {
			return b.Weight - a.Weight
		}
		return b.Version.Compare(a.Version)
	})
	return traffic, nil
}

// Greatest returns the version with the greatest share of traffic that is not empty.
func (t Traffic) Greatest() ref.Version { return t[0].Version }

// GoesTo reports whether the version has a share.
func (t Traffic) GoesTo(v ref.Version) bool {
	return slices.ContainsFunc(t, func(s Share) bool { return s.Version.Compare(v) == 0 })
}

// Equal reports whether both lead to the same versions by the same shares.
func (t Traffic) Equal(u Traffic) bool {
	return slices.EqualFunc(t, u, func(a, b Share) bool { return a.Weight == b.Weight && a.Version.Compare(b.Version) == 0 })
}
