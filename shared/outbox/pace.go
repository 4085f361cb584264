package outbox

import (
	"sync"
	"time"
)

// pace lets one run begin at a time, and none within the interval after the former began. It is safe for concurrent use.
type pace struct {
	interval time.Duration

	mu      sync.Mutex
	running bool
	began   time.Time
}

// begin reports whether a run may begin now: none is running, and the last one began at least the interval ago. If so, the caller must call end
// after the run.
func (p *pace) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running || time.Since(p.began) < p.interval {
		return false
	}
	p.running, p.began = true, time.Now()
	return true
}

// end records that the run that begin allowed has ended.
func (p *pace) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
}
