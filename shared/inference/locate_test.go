package inference

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/shared/ref"
	"github.com/17882237881/MaaS/shared/registry"
)

var acmeFraud = ref.Model{Tenant: "acme", Name: "fraud"}

func version(t testing.TB, s string) ref.Version {
	v, err := ref.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTrafficIsSplitByWeight(t *testing.T) {
	t.Parallel()
	const callers = 20_000
	stable, canary := version(t, "1.0.0"), version(t, "1.1.0")
	for _, weight := range []int{0, 1, 10, 50, 99, 100} {
		traffic := []registry.Share{{Version: stable, Weight: 100 - weight}, {Version: canary, Weight: weight}}
		n := 0
		for i := range callers {
			if choose(traffic, acmeFraud, fmt.Sprintf("user:%d", i)) == canary {
				n++
			}
		}
		if got := 100 * float64(n) / callers; math.Abs(got-float64(weight)) > 1.5 {
			t.Errorf("a weight of %d gets %.1f %% of the callers", weight, got)
		}
	}
}

func TestACallerStaysWithAVersionWhoseShareGrows(t *testing.T) {
	t.Parallel()
	stable, canary := version(t, "1.0.0"), version(t, "1.1.0")
	rapid.Check(t, func(t *rapid.T) {
		sticky := rapid.String().Draw(t, "sticky")
		less := rapid.IntRange(0, 100).Draw(t, "less")
		more := rapid.IntRange(less, 100).Draw(t, "more")
		split := func(weight int) ref.Version {
			return choose([]registry.Share{{Version: stable, Weight: 100 - weight}, {Version: canary, Weight: weight}}, acmeFraud, sticky)
		}
		if split(less) == canary && split(more) != canary {
			t.Fatalf("the caller is with the canary at %d %% and not at %d %%", less, more)
		}
	})
}

func TestOneVersionGetsAllTraffic(t *testing.T) {
	t.Parallel()
	only := version(t, "1.0.0")
	if got := choose([]registry.Share{{Version: only, Weight: 100}}, acmeFraud, "x"); got != only {
		t.Errorf("it goes to %s", got)
	}
	if got := choose(nil, acmeFraud, "x"); !got.IsZero() {
		t.Errorf("without traffic it goes to %s", got)
	}
}
