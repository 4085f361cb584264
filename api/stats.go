package api

import (
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// StatsWindow is a time from an hour to 30 days: "24h", "90m".
type StatsWindow time.Duration

const (
	minWindow = StatsWindow(time.Hour)
	maxWindow = StatsWindow(30 * 24 * time.Hour)
)

// MarshalText writes a window: "24h0m0s".
func (w StatsWindow) MarshalText() ([]byte, error) { return []byte(time.Duration(w).String()), nil }

// UnmarshalText parses a window like 24h. It fails with Invalid for anything but a duration from 1h to 720h.
func (w *StatsWindow) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if *w = StatsWindow(d); err != nil || *w < minWindow || *w > maxWindow {
		return fault.New(fault.Invalid, "must be a time from 1h to 720h, like 24h", fault.Field("window"))
	}
	return nil
}

// ModelStats tells how a model's calls went since a time, by version and in all.
type ModelStats struct {
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

// StatsRequest asks how a model's calls went.
type StatsRequest struct {
	Model  ref.Model   `path:"t/m"`
	Window StatsWindow `query:"window"` // until now; 24 h by default
}
