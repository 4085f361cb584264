package progress

import (
	"sync"
	"time"
)

// window is the time over which the rate is taken: long enough to be steady between chunks, short enough to follow a network that changes.
const window = 10 * time.Second

// meter tells how fast bytes leave, and how long the rest will take. It is safe for concurrent use.
type meter struct {
	mu      sync.Mutex
	size    int64
	done    int64
	samples []sample // of the window, the oldest first
}

type sample struct {
	at   time.Time
	done int64
}

// step is the least time between two samples, which bounds their number.
const step = 200 * time.Millisecond

// begin starts anew for a file of size bytes. Those that are there already count as done, but not for the rate.
func (m *meter) begin(now time.Time, size, there int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.size, m.done, m.samples = size, there, []sample{{now, there}}
}

// add counts bytes; n is negative when some have to be sent again.
func (m *meter) add(now time.Time, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if now.Sub(m.samples[len(m.samples)-1].at) < step {
		return
	}
	m.samples = append(m.samples, sample{now, m.done})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) > window {
		m.samples = m.samples[1:]
	}
}

// reading is what a meter says at a moment.
type reading struct {
	size, done int64
	rate       float64       // bytes per second; 0 while it is not known
	left       time.Duration // 0 while it is not known
}

// read returns the bytes done at now, with the rate over the last window and the time left. Those two are 0 until enough has come to know
// them.
func (m *meter) read(now time.Time) reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := reading{size: m.size, done: m.done}
	if len(m.samples) == 0 {
		return r
	}
	first := m.samples[0]
	seconds := now.Sub(first.at).Seconds()
	if seconds < step.Seconds() || m.done <= first.done {
		return r
	}
	r.rate = float64(m.done-first.done) / seconds
	r.left = time.Duration(float64(m.size-m.done) / r.rate * float64(time.Second))
	return r
}
