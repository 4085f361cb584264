package httpapi

import (
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api/fault"
)

// slowCounter is one that a test can read.
type slowCounter struct {
	prometheus.Counter

	n atomic.Int64
}

// Inc implements prometheus.Counter.
func (c *slowCounter) Inc() { c.n.Add(1) }

// counts expects that a request which ended with err was counted as a slow one if it was one.
func (c *slowCounter) counts(t *testing.T, err error) {
	t.Helper()
	if n := c.n.Load(); n != 0 != fault.Is(err, fault.Timeout) || n > 1 {
		t.Errorf("a request that ended with %v was counted %d times", err, n)
	}
}
