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

// Target is a version's part of an alias's traffic, in percent.
type Target struct {
	Version ref.Version `json:"version"`
	Weight  int         `json:"weight"`
}

// Traffic is where an alias leads: targets of 1 to 100 % that add up to 100, the greatest first, of equal ones the higher version.
type Traffic []Target

const maxTargets = 10

// AllTo returns the traffic that goes to one version.
func AllTo(v ref.Version) Traffic { return Traffic{{Version: v, Weight: 100}} }

// UnmarshalJSON reads an array of targets as NewTraffic takes them. It fails with Invalid for any other text.
func (t *Traffic) UnmarshalJSON(text []byte) error {
	var targets []Target
	if err := json.Unmarshal(text, &targets); err != nil {
		if fault.Is(err, fault.Invalid) {
			return err // a version says what is wrong with it
		}
		return fault.InvalidField("traffic", "must be an array of {version, weight}")
	}
	traffic, err := NewTraffic(targets)
	*t = traffic
	return err
}

// NewTraffic returns traffic of the targets, sorted; without targets it is empty. It fails with Invalid unless there are up to 10, each of another version
// and of 1 to 100 percent, that add up to 100.
func NewTraffic(targets []Target) (Traffic, error) {
	if len(targets) > maxTargets {
		return nil, fault.InvalidField("traffic", "has more than %d targets", maxTargets)
	}
	sum := 0
	seen := map[string]bool{}
	for _, target := range targets {
		if target.Version.IsZero() || target.Weight < 1 || target.Weight > 100 {
			return nil, fault.InvalidField("traffic", "must give each version a weight of 1 to 100 percent")
		}
		if seen[target.Version.String()] {
			return nil, fault.InvalidField("traffic", "names %s twice", target.Version)
		}
		seen[target.Version.String()] = true
		sum += target.Weight
	}
	if len(targets) > 0 && sum != 100 {
		return nil, fault.InvalidField("traffic", "has weights that add up to %d, not to 100", sum)
	}
	traffic := Traffic(slices.Clone(targets))
	slices.SortFunc(traffic, func(a, b Target) int {
		if a.Weight != b.Weight {
			return b.Weight - a.Weight
		}
		return b.Version.Compare(a.Version)
	})
	return traffic, nil
}

// Greatest returns the version with the greatest weight; of equal ones the highest. It panics if t is empty.
func (t Traffic) Greatest() ref.Version { return t[0].Version }

// GoesTo reports whether v is one of the targets.
func (t Traffic) GoesTo(v ref.Version) bool {
	return slices.ContainsFunc(t, func(s Target) bool { return s.Version.Compare(v) == 0 })
}

// Equal reports whether both lead to the same versions with the same weights.
func (t Traffic) Equal(u Traffic) bool {
	return slices.EqualFunc(t, u, func(a, b Target) bool { return a.Weight == b.Weight && a.Version.Compare(b.Version) == 0 })
}
