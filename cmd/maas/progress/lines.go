package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/17882237881/MaaS/api"
)

// Lines tells of a push in lines, a few a minute: for logs and pipes.
type Lines struct {
	meter meter

	mu    sync.Mutex
	w     io.Writer
	file  string
	last  time.Time
	phase api.UploadPhase
}

// every is how long nothing is said about bytes after the last line.
const every = 5 * time.Second

// NewLines returns a Lines that writes to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Begin implements maas.Progress.
func (l *Lines) Begin(file string, size, there int64) {
	now := time.Now()
	l.meter.begin(now, size, there)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file, l.last, l.phase = file, now, api.Receiving
	l.say(l.meter.read(now).String())
}

// Sent implements maas.Progress.
func (l *Lines) Sent(n int64) {
	now := time.Now()
	l.meter.add(now, n)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.last) >= every {
		l.last = now
		l.say(l.meter.read(now).String())
	}
}

// Phase implements maas.Progress.
func (l *Lines) Phase(name api.UploadPhase, done float64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if name == l.phase && now.Sub(l.last) < every {
		return
	}
	if l.phase == api.Receiving && name != l.phase {
		l.say(l.meter.read(now).String())
	}
	l.phase, l.last = name, now
	l.say(phase(name, done))
}

// End implements maas.Progress.
func (*Lines) End() {}

// say writes a line that begins with the file's name. The caller holds the mutex.
func (l *Lines) say(text string) { fmt.Fprintf(l.w, "%s: %s\n", l.file, text) }

// phase names a phase, with the percent that are done of it: "verifying (30 %)". done is 0 to 1; at 0, and for api.Done, the percent are left
// out.
func phase(name api.UploadPhase, done float64) string {
	if name == api.Done || done <= 0 {
		return string(name)
	}
	return fmt.Sprintf("%s (%d %%)", name, int(done*100))
}
