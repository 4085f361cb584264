package usage

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

// bucketOf computes the bucket as the ledger's function usage_record computes it.
func bucketOf(us int64) int { return int(math.Ceil(8 * math.Log2(float64(max(us, 1))))) }

func TestQuantilesAreExactToAnEighthOfAPowerOfTwo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		took := rapid.SliceOfN(rapid.Int64Range(1, 600_000_000), 1, 200).Draw(t, "took")
		fraction := rapid.Float64Range(0.01, 1).Draw(t, "fraction")
		h := histogram{}
		for _, us := range took {
			h[bucketOf(us)]++
		}
		slices.Sort(took)
		exact := float64(took[int(math.Ceil(fraction*float64(len(took))))-1])

		got := 1000 * h.quantile(fraction)

		if got < exact-1 || got > exact*math.Exp2(1.0/8)+1 {
			t.Fatalf("the quantile %.2f is %.0f µs, exactly %.0f", fraction, got, exact)
		}
	})
}

func TestNoCallsHaveNoLatency(t *testing.T) {
	t.Parallel()
	if q := (histogram{}).quantile(0.5); q != 0 {
		t.Errorf("it is %f", q)
	}
}

func TestASpanIsWholeHours(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	hour := func(day, h int) time.Time { return time.Date(2026, 11, day, h, 0, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		query    api.UsageRequest
		from, to time.Time
	}{
		"default":   {api.UsageRequest{}, hour(21, 11).AddDate(0, 0, -30), hour(21, 11)},
		"from":      {api.UsageRequest{From: hour(20, 5).Add(time.Minute)}, hour(20, 5), hour(21, 11)},
		"both":      {api.UsageRequest{From: hour(20, 5), To: hour(20, 6)}, hour(20, 5), hour(20, 6)},
		"a minute":  {api.UsageRequest{From: hour(20, 5), To: hour(20, 5).Add(time.Minute)}, hour(20, 5), hour(20, 6)},
		"only to":   {api.UsageRequest{To: hour(20, 6)}, hour(20, 6).AddDate(0, 0, -30), hour(20, 6)},
		"long past": {api.UsageRequest{From: hour(1, 0).AddDate(-1, 0, 0)}, hour(1, 0).AddDate(-1, 0, 0), hour(21, 11)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, err := span(test.query, now)
			if err != nil || !from.Equal(test.from) || !to.Equal(test.to) {
				t.Errorf("it is from %s to %s, %v", from, to, err)
			}
		})
	}
	for _, query := range map[string]api.UsageRequest{"backwards": {From: hour(20, 6), To: hour(20, 5)}, "too long": {From: hour(1, 0).AddDate(-2, 0, 0)}} {
		_, _, err := span(query, now)
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}
