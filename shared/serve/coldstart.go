package serve

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// coldStart tells how long the process took from its start, as the kernel knows it, until it was ready and until its first answer began.
// Functions that share a process have none: no start of theirs is the process's.
type coldStart struct {
	seconds  *prometheus.GaugeVec
	function string
	began    time.Time
	ready    atomic.Int64 // after began, in nanoseconds; 0 until then
	answered sync.Once
	done     atomic.Bool
}

// newColdStart registers the metric, and measures in the background when the process becomes ready. It returns nil, without an error, if the
// system does not tell when the process began.
func newColdStart(e *env.Env) (*coldStart, error) {
	began, ok := processStart()
	if !ok {
		return nil, nil //nolint:nilnil // nothing is measured
	}
	// A gauge: a counter that is 1 when it is first seen counts as no increase, and a process has one value.
	seconds, err := telemetry.Register(e, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "maas_cold_start_seconds",
		Help: "Time from the process's start, to 10 ms, until it was ready and until its first answer began, without its wait for the first request.",
	}, []string{"function", "phase"}))
	if err != nil {
		return nil, err
	}
	c := &coldStart{began: began, seconds: seconds, function: e.Name()}
	e.Go(func(ctx context.Context) { // ends when the process is ready
		if e.AwaitReady(ctx) == nil {
			took := time.Since(began)
			c.ready.Store(int64(took))
			c.tell("ready", took)
		}
	})
	return c, nil
}

// watch has the time measured at which the exchange's answer begins, if it is the process's first. It does nothing if c is nil or the first
// answer has begun.
func (c *coldStart) watch(x *telemetry.Exchange) {
	if c == nil || c.done.Load() {
		return
	}
	arrived := time.Since(c.began)
	x.OnAnswer(func() { c.answered.Do(func() { c.record(arrived, time.Since(c.began)) }) })
}

// record sets the time until the first answer, without the time for which the process was ready and no request came. Both times count from the
// process's start.
func (c *coldStart) record(arrived, answers time.Duration) {
	c.done.Store(true)
	idle := time.Duration(0)
	if ready := time.Duration(c.ready.Load()); ready > 0 {
		idle = max(0, arrived-ready)
	}
	c.tell("first_byte", answers-idle)
}

// tell sets the metric's value for a phase.
func (c *coldStart) tell(phase string, took time.Duration) {
	c.seconds.WithLabelValues(c.function, phase).Set(took.Seconds())
}
