package inference

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/resolver"
)

var acmeFraud = ref.Model{Tenant: "acme", Name: "fraud"}

func version(t testing.TB, s string) ref.Version {
	v, err := ref.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// split makes traffic over 1.0.0, 1.1.0 and so on by weight; a version without weight has no share.
func split(t testing.TB, weights ...int) []resolver.Share {
	var traffic []resolver.Share
	for i, weight := range weights {
		if weight > 0 {
			traffic = append(traffic, resolver.Share{Version: version(t, fmt.Sprintf("1.%d.0", i)), Weight: weight})
		}
	}
	return traffic
}

// sessions is how many sessions, or calls, the tests look at. The standard deviation of a share is then 0.35 % at most.
const sessions = 20_000

// chosen returns the version of each session.
func chosen(traffic []resolver.Share) []string {
	versions := make([]string, sessions)
	for i := range versions {
		versions[i] = choose(traffic, acmeFraud, fmt.Sprintf("session-%d", i)).String()
	}
	return versions
}

func assertShares(t testing.TB, traffic []resolver.Share, versions []string) {
	t.Helper()
	counts := map[string]int{}
	for _, v := range versions {
		counts[v]++
	}
	for _, share := range traffic {
		if got := 100 * float64(counts[share.Version.String()]) / float64(len(versions)); math.Abs(got-float64(share.Weight)) > 2 {
			t.Errorf("of %v, %s gets %.1f %%", traffic, share.Version, got)
		}
	}
}

func TestSessionsAreSplitByWeight(t *testing.T) {
	t.Parallel()
	for _, weights := range [][]int{{100, 0}, {99, 1}, {90, 10}, {50, 50}, {40, 60}, {1, 99}, {50, 30, 20}, {34, 33, 33}} {
		traffic := split(t, weights...)
		assertShares(t, traffic, chosen(traffic))
	}
}

func TestCallsWithoutASessionAreSplitByWeight(t *testing.T) {
	t.Parallel()
	for _, weights := range [][]int{{99, 1}, {90, 10}, {50, 50}, {50, 30, 20}} {
		traffic := split(t, weights...)
		versions := make([]string, sessions)
		for i := range versions {
			versions[i] = choose(traffic, acmeFraud, "").String()
		}
		assertShares(t, traffic, versions)
	}
}

// weightsOf draws weights of n versions that add up to 100.
func weightsOf(n int) *rapid.Generator[[]int] {
	return rapid.Custom(func(t *rapid.T) []int {
		weights, left := make([]int, n), 100
		for i := range n - 1 {
			weights[i] = rapid.IntRange(0, left).Draw(t, "weight")
			left -= weights[i]
		}
		weights[n-1] = left
		return weights
	})
}

// TestAChangeOfWeightsMovesTheDifferenceAlone holds for two versions the part of the sessions that must move, and for more the least that any rule
// can promise which knows nothing but the weights: 2d/(1+d), where d is what must move.
func TestAChangeOfWeightsMovesTheDifferenceAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 4).Draw(rt, "versions")
		before, after := weightsOf(n).Draw(rt, "before"), weightsOf(n).Draw(rt, "after")
		difference := 0.0
		for i := range before {
			difference += math.Abs(float64(after[i]-before[i])) / 200
		}
		most := difference
		if n > 2 {
			most = 2 * difference / (1 + difference)
		}

		was, is := chosen(split(t, before...)), chosen(split(t, after...))

		moved := 0
		for i := range was {
			if was[i] != is[i] {
				moved++
			}
		}
		if got := float64(moved) / sessions; got > most+0.02 {
			rt.Fatalf("from %v to %v, %.1f %% of the sessions move; %.1f %% must", before, after, 100*got, 100*difference)
		}
	})
}

func TestTheOrderOfSharesDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		traffic := split(t, weightsOf(3).Draw(rt, "weights")...)
		shuffled := rapid.Permutation(traffic).Draw(rt, "shuffled")
		session := rapid.StringN(1, 40, -1).Draw(rt, "session")
		if a, b := choose(traffic, acmeFraud, session), choose(shuffled, acmeFraud, session); a.Compare(b) != 0 {
			rt.Fatalf("%q goes to %s or %s", session, a, b)
		}
	})
}

func TestOneVersionGetsAllTraffic(t *testing.T) {
	t.Parallel()
	only := version(t, "1.0.0")
	for _, session := range []string{"x", ""} {
		if got := choose([]resolver.Share{{Version: only, Weight: 100}}, acmeFraud, session); got != only {
			t.Errorf("it goes to %s", got)
		}
		if got := choose(nil, acmeFraud, session); !got.IsZero() {
			t.Errorf("without traffic it goes to %s", got)
		}
	}
}
