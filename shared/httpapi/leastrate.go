package httpapi

import (
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// leastRate measures how fast bytes come through in one direction, over windows of the time that was spent waiting for the client.
type leastRate struct {
	rate   int64         // bytes per second; 0 takes any rate, but no pause as long as the window
	window time.Duration // at least a second
	step   time.Duration // how often the deadline is moved, so that not each Read or Write pays for it

	moved  time.Time     // when the deadline was moved last
	waited time.Duration // for the client, in this window
	bytes  int64         // in this window

	slow    prometheus.Counter // of those that were ended
	counted bool
}

// newLeastRate returns a measure of a rate in bytes per second over the window. slow counts the requests that are ended.
func newLeastRate(rate int64, window time.Duration, slow prometheus.Counter) leastRate {
	return leastRate{rate: rate, window: window, step: min(time.Second, window/2), slow: slow}
}

// slowClients registers the counters of requests that were ended because the client sent its body, or read its answer, more slowly than the least rate.
func slowClients(e *env.Env) (sends, reads prometheus.Counter, err error) {
	slow, err := telemetry.Register(e, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "maas_slow_clients_total",
		Help: "Requests that were ended because their client was slower than the least rate, by what it did (sends, reads).",
	}, []string{"client"}))
	if err != nil {
		return nil, nil, err
	}
	return slow.WithLabelValues("sends"), slow.WithLabelValues("reads"), nil
}

// checkRate fails unless the rate is 0 or more and the window a second or more. prefix begins the names of their variables, for the message.
func checkRate(prefix string, rate int64, window time.Duration) error {
	if rate < 0 || window < time.Second {
		return fmt.Errorf("%s_MIN_RATE must be 0 or more and %s_RATE_WINDOW 1s or more; they are %d and %s", prefix, prefix, rate, window)
	}
	return nil
}

// begin is called before each Read or Write. If move is true, the caller sets the deadline; it is moved once in a step, not each time.
func (l *leastRate) begin(now time.Time) (deadline time.Time, move bool) {
	if now.Sub(l.moved) <= l.step {
		return time.Time{}, false
	}
	l.moved = now
	return now.Add(l.window - l.waited + l.step), true
}

// add counts n bytes, and the time since began, when the Read or Write that moved them was called.
func (l *leastRate) add(began time.Time, n int) {
	l.bytes += int64(n)
	l.waited += time.Since(began)
}

// judge is called after each Read or Write. It returns os.ErrDeadlineExceeded if the window is over and too few bytes came through in it, and
// begins the next window if it is over.
func (l *leastRate) judge() error {
	if l.waited < l.window {
		return nil
	}
	if l.bytes == 0 || float64(l.bytes) < float64(l.rate)*l.waited.Seconds() {
		return os.ErrDeadlineExceeded
	}
	l.waited, l.bytes, l.moved = 0, 0, time.Time{}
	return nil
}

// count adds the request to the slow ones, the first time that it is called.
func (l *leastRate) count() {
	if !l.counted {
		l.counted = true
		l.slow.Inc()
	}
}
