package progress

import (
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/17882237881/MaaS/shared/transfer"
)

// Bar draws a line for each file on a terminal: bytes, rate and time left, then the phases of its verification.
type Bar struct {
	meter meter
	all   *mpb.Progress

	mu   sync.Mutex
	bar  *mpb.Bar
	said string // the phase; "" while bytes are sent
	over bool   // it has ended well
}

// NewBar draws on w, a terminal.
func NewBar(w io.Writer) *Bar {
	return &Bar{all: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithWidth(40))}
}

// Begin implements push.Progress.
func (b *Bar) Begin(file string, size, there int64) {
	b.meter.begin(time.Now(), size, there)
	b.mu.Lock()
	b.said, b.over = "", false
	b.mu.Unlock()
	bar := b.all.AddBar(size, // decorators are called from now on
		mpb.PrependDecorators(decor.Name(file+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.state() })))
	bar.SetCurrent(there)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar = bar
}

func (b *Bar) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.said != "" {
		return " " + b.said
	}
	return " " + b.meter.read(time.Now()).String()
}

// Sent implements push.Progress.
func (b *Bar) Sent(n int64) {
	b.meter.add(time.Now(), n)
	b.draw()
}

// draw leaves the bar open at its end: mpb ends it otherwise before the phases are over.
func (b *Bar) draw() {
	now := b.meter.read(time.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar.SetCurrent(min(now.done, now.size-1))
}

// Phase implements push.Progress.
func (b *Bar) Phase(name transfer.Phase, done float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said, b.over = phase(name, done), name == transfer.Done
}

// End implements push.Progress.
func (b *Bar) End() {
	b.mu.Lock()
	bar, over := b.bar, b.over
	b.mu.Unlock()
	if over {
		bar.SetTotal(-1, true)
	} else {
		bar.Abort(false)
	}
	bar.Wait()
}
