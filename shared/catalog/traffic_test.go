package catalog

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestTrafficAddsUpAndIsOrdered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shares := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Share {
			return Share{Version: versions().Draw(t, "version"), Weight: rapid.IntRange(-1, 101).Draw(t, "weight")}
		}), 0, 12).Draw(t, "shares")
		traffic, err := NewTraffic(shares)
		if err != nil {
			return
		}
		sum := 0
		for i, share := range traffic {
			sum += share.Weight
			if i > 0 && (traffic[i-1].Weight < share.Weight || traffic[i-1].Version.Compare(share.Version) == 0) {
				t.Errorf("%v is not ordered", traffic)
			}
		}
		if len(traffic) != len(shares) || len(traffic) > 0 && sum != 100 {
			t.Errorf("%v came out of %v", traffic, shares)
		}
	})
}

func TestEachWholeSplitOfTwoIsTaken(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, w := versions().Draw(t, "v"), versions().Draw(t, "w")
		if v.Compare(w) == 0 {
			return
		}
		weight := rapid.IntRange(1, 99).Draw(t, "weight")
		if _, err := NewTraffic([]Share{{Version: v, Weight: weight}, {Version: w, Weight: 100 - weight}}); err != nil {
			t.Error(err)
		}
	})
}

func TestBadTraffic(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`5`, `{}`, `"x"`, `[5]`, `[{"version":"1.0.0","weight":99}]`, `[{"version":"1.0.0","weight":101}]`, `[{"version":"1.0.0"}]`, `[{"weight":100}]`,
		`[{"version":"1.0.0","weight":50},{"version":"1.0.0","weight":50}]`, `[{"version":"1.0.0","weight":100.5}]`,
		`[{"version":"1.0.0","weight":0},{"version":"1.1.0","weight":100}]`, `[{"version":"1.0.0","weight":-1},{"version":"1.1.0","weight":101}]`,
		`[{"version":"1.0","weight":100}]`, `[{"version":"latest","weight":100}]`,
		`[{"version":"1.0.0","weight":10},{"version":"1.1.0","weight":10},{"version":"1.2.0","weight":10},{"version":"1.3.0","weight":10},
		  {"version":"1.4.0","weight":10},{"version":"1.5.0","weight":10},{"version":"1.6.0","weight":10},{"version":"1.7.0","weight":10},
		  {"version":"1.8.0","weight":10},{"version":"1.9.0","weight":5},{"version":"1.10.0","weight":5}]`,
	} {
		var traffic Traffic
		faulttest.AssertKind(t, json.Unmarshal([]byte(text), &traffic), fault.Invalid)
	}
}
