package usage

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// defaultWindow is how far back statistics go where the caller does not say.
const defaultWindow = api.StatsWindow(24 * time.Hour)

// Stats returns how a model's calls went; those of an earlier model of its name are not its. A model that was never called has zeros. It fails with NotFound
// for a model that the caller may not know of, or that is deleted: its calls stay in the ledger (Totals).
func (l *Ledger) Stats(ctx context.Context, who auth.Principal, q api.StatsRequest) (api.ModelStats, error) {
	if !who.MaySee(q.Model) {
		return api.ModelStats{}, noModel(q.Model)
	}
	if q.Window == 0 {
		q.Window = defaultWindow
	}
	now := time.Now().UTC()
	since := now.Add(-time.Duration(q.Window)).Truncate(time.Hour)
	var (
		counted map[string]sums
		took    map[string]histogram
	)
	err := l.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) (err error) {
		model, err := findModel(ctx, tx, who, q.Model)
		if err != nil {
			return err
		}
		if counted, err = readSums(ctx, tx, model, since); err != nil {
			return err
		}
		took, err = readLatencies(ctx, tx, model, since)
		return err
	})
	if err != nil {
		return api.ModelStats{}, err
	}
	return summarize(q.Model, since, now.Sub(since), counted, took), nil
}

// noModel returns the NotFound fault of a model.
func noModel(m ref.Model) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", m), fault.Field("model"))
}

// summarize returns the statistics of a model: those of each version, the most called first, and their total. counted and took are by version; span
// is the time that they cover.
func summarize(m ref.Model, since time.Time, span time.Duration, counted map[string]sums, took map[string]histogram) api.ModelStats {
	out := api.ModelStats{Model: m, Since: since, Versions: []api.VersionStats{}}
	var total sums
	all := histogram{}
	for _, version := range slices.Sorted(maps.Keys(counted)) {
		out.Versions = append(out.Versions, statsOf(version, counted[version], took[version], span))
		total.add(counted[version])
		all.add(took[version])
	}
	slices.SortStableFunc(out.Versions, func(a, b api.VersionStats) int { return int(b.Requests - a.Requests) })
	out.Total = statsOf("", total, all, span)
	return out
}

// statsOf returns the statistics of a version. Its rate is the mean over span; latencies are 0 without calls.
func statsOf(version string, s sums, h histogram, span time.Duration) api.VersionStats {
	return api.VersionStats{
		Version: version, Requests: s.requests, RatePerSecond: float64(s.requests) / span.Seconds(),
		Errors: s.errors, Refused: s.refused, Cached: s.cached, ColdStarts: s.coldStarts,
		QueueMSMean: mean(s.queueUS, s.requests-s.cached), ColdStartMSMean: mean(s.coldUS, s.coldStarts),
		LatencyMS: api.Latency{P50: h.quantile(0.50), P95: h.quantile(0.95), P99: h.quantile(0.99)},
	}
}

// mean returns the mean, in milliseconds, of n values whose sum in microseconds is given; 0 for n = 0.
func mean(sum, n int64) float64 {
	if n <= 0 {
		return 0
	}
	return float64(sum) / float64(n) / 1000
}

// histogram has numbers of calls by bucket: bucket b ends at 2^(b/8) microseconds (usage_latencies).
type histogram map[int]int64

// add adds the calls of another histogram.
func (h histogram) add(other histogram) {
	for bucket, calls := range other {
		h[bucket] += calls
	}
}

// quantile returns the latency, in milliseconds, within which the fraction of the calls ended, rounded up to the end of its bucket. It is 0 if
// there are no calls.
func (h histogram) quantile(fraction float64) float64 {
	var all int64
	for _, calls := range h {
		all += calls
	}
	rank := int64(math.Ceil(fraction * float64(all)))
	for _, bucket := range slices.Sorted(maps.Keys(h)) {
		if rank -= h[bucket]; rank <= 0 {
			return math.Round(math.Exp2(float64(bucket)/8)) / 1000
		}
	}
	return 0
}
