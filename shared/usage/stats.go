package usage

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// StatsQuery asks how a model's calls went.
type StatsQuery struct {
	Model  ref.Model `path:"t/m"`
	Window Window    `query:"window"` // until now; 24 h by default
}

// Window is a time from an hour to 30 days, "24h" or "90m".
type Window time.Duration

const (
	defaultWindow = Window(24 * time.Hour)
	minWindow     = Window(time.Hour)
	maxWindow     = Window(30 * 24 * time.Hour)
)

// UnmarshalText reads a window.
func (w *Window) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if *w = Window(d); err != nil || *w < minWindow || *w > maxWindow {
		return fault.New(fault.Invalid, "must be a time from 1h to 720h, like 24h", fault.Field("window"))
	}
	return nil
}

// Stats tells how a model's calls went since a time, by version and in all.
type Stats struct {
	Model    ref.Model      `json:"model"`
	Since    time.Time      `json:"since"` // a full hour
	Total    VersionStats   `json:"total"`
	Versions []VersionStats `json:"versions"` // the most called first
}

// VersionStats tells it of one version. Latencies are the gateway's, from the request's arrival to its answer, 9 % exact.
type VersionStats struct {
	Version         string  `json:"version,omitempty"`
	Requests        int64   `json:"requests"`
	RatePerSecond   float64 `json:"rate_per_second"`
	Errors          int64   `json:"errors"`  // 5xx and 429
	Refused         int64   `json:"refused"` // other 4xx
	Cached          int64   `json:"cached"`
	ColdStarts      int64   `json:"cold_starts"`
	QueueMSMean     float64 `json:"queue_ms_mean"`
	ColdStartMSMean float64 `json:"cold_start_ms_mean"` // of those with a cold start
	LatencyMS       Latency `json:"latency_ms"`
}

// Latency has quantiles in milliseconds; 0 where there was no call.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// Stats tells how a model's calls went; those of an earlier model of its name are not its. A model that was never called has zeros. It fails with NotFound
// for a model that the caller may not know of, or that is deleted: its calls stay in the ledger (Totals).
func (l *Ledger) Stats(ctx context.Context, who auth.Principal, q StatsQuery) (Stats, error) {
	if !who.MaySee(q.Model) {
		return Stats{}, noModel(q.Model)
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
		return Stats{}, err
	}
	return summarize(q.Model, since, now.Sub(since), counted, took), nil
}

func noModel(m ref.Model) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", m), fault.Field("model"))
}

func summarize(m ref.Model, since time.Time, span time.Duration, counted map[string]sums, took map[string]histogram) Stats {
	out := Stats{Model: m, Since: since, Versions: []VersionStats{}}
	var total sums
	all := histogram{}
	for _, version := range slices.Sorted(maps.Keys(counted)) {
		out.Versions = append(out.Versions, statsOf(version, counted[version], took[version], span))
		total.add(counted[version])
		all.add(took[version])
	}
	slices.SortStableFunc(out.Versions, func(a, b VersionStats) int { return int(b.Requests - a.Requests) })
	out.Total = statsOf("", total, all, span)
	return out
}

func statsOf(version string, s sums, h histogram, span time.Duration) VersionStats {
	return VersionStats{
		Version: version, Requests: s.requests, RatePerSecond: float64(s.requests) / span.Seconds(),
		Errors: s.errors, Refused: s.refused, Cached: s.cached, ColdStarts: s.coldStarts,
		QueueMSMean: mean(s.queueUS, s.requests-s.cached), ColdStartMSMean: mean(s.coldUS, s.coldStarts),
		LatencyMS: Latency{h.quantile(0.50), h.quantile(0.95), h.quantile(0.99)},
	}
}

// mean is in milliseconds, of a sum in microseconds.
func mean(sum, n int64) float64 {
	if n <= 0 {
		return 0
	}
	return float64(sum) / float64(n) / 1000
}

// histogram has numbers of calls by bucket: bucket b ends at 2^(b/8) microseconds (usage_latencies).
type histogram map[int]int64

func (h histogram) add(other histogram) {
	for bucket, calls := range other {
		h[bucket] += calls
	}
}

// quantile gives, in milliseconds, what the fraction of the calls did not exceed: the end of the bucket in which it lies.
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
