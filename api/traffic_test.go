package api

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/quick"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

// TestTrafficAddsUpAndIsOrdered tries splits of up to 12 versions, of which some are equal and most do not add up.
func TestTrafficAddsUpAndIsOrdered(t *testing.T) {
	t.Parallel()
	accepted := 0
	ordered := func(minors, weights [12]uint8, n uint8) bool {
		targets := make([]Target, n%13)
		for i := range targets {
			targets[i] = Target{Version: minor(t, int(minors[i]%16)), Weight: int(weights[i]%103) - 1}
		}
		if n%2 == 0 && len(targets) > 0 { // of these the last makes the sum right, if it can
			rest := 100
			for _, target := range targets[1:] {
				rest -= target.Weight
			}
			targets[0].Weight = rest
		}
		traffic, err := NewTraffic(targets)
		if err != nil {
			return true
		}
		accepted++
		sum := 0
		for i, target := range traffic {
			sum += target.Weight
			if i > 0 && (traffic[i-1].Weight < target.Weight || traffic[i-1].Version.Compare(target.Version) == 0) {
				return false
			}
		}
		return len(traffic) == len(targets) && (len(traffic) == 0 || sum == 100)
	}
	if err := quick.Check(ordered, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
	if accepted < 100 {
		t.Errorf("only %d splits were accepted", accepted)
	}
}

func minor(t *testing.T, n int) ref.Version {
	t.Helper()
	v, err := ref.ParseVersion(fmt.Sprintf("1.%d.0", n))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEachWholeSplitOfTwoIsTaken(t *testing.T) {
	t.Parallel()
	for weight := 1; weight < 100; weight++ {
		if _, err := NewTraffic([]Target{{minor(t, 1), weight}, {minor(t, 2), 100 - weight}}); err != nil {
			t.Error(err)
		}
	}
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
