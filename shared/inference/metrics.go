package inference

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// metrics are the gateway's own. They have no label for tenants or models, of which there is no end: the ledger counts by those.
type metrics struct {
	calls  *prometheus.HistogramVec
	queue  prometheus.Histogram
	cold   prometheus.Histogram
	unread prometheus.Counter
}

// seconds reach from a kept answer to the longest wait for a model.
var seconds = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// openMetrics returns the gateway's metrics, which it registers.
func openMetrics(e *env.Env) (m metrics, err error) {
	m.calls, err = telemetry.Register(e, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "maas_inference_duration_seconds", Help: "Time of calls from their body's end to their answer, by status and cache.", Buckets: seconds,
	}, []string{"status", "cache"}))
	if err != nil {
		return m, err
	}
	m.queue, err = telemetry.Register(e, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "maas_inference_queue_seconds", Help: "Time that runs waited for their turn.", Buckets: seconds,
	}))
	if err != nil {
		return m, err
	}
	m.cold, err = telemetry.Register(e, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "maas_inference_cold_start_seconds", Help: "Time that runs waited for their version to start, where they did.", Buckets: seconds,
	}))
	if err != nil {
		return m, err
	}
	m.unread, err = telemetry.Register(e, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "maas_inference_unread_total", Help: "Answers that were cut off because their caller did not read them while others waited for the model.",
	}))
	return m, err
}

// observe counts a call with its HTTP status, and the times in its report. The times of answers from the cache or of another call's run are not
// counted again.
func (m *metrics) observe(r *report, status int, now time.Time) {
	m.calls.WithLabelValues(strconv.Itoa(status), r.cache).Observe(now.Sub(r.began).Seconds())
	if r.cache == cacheHit || r.cache == cacheShared {
		return
	}
	m.queue.Observe(r.queue.Seconds())
	if r.cold > 0 {
		m.cold.Observe(r.cold.Seconds())
	}
}
