package progress

import (
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/17882237881/MaaS/api"
)

// Bar draws a line for each file on a terminal: bytes, rate and time left, then the phases of its verification.
type Bar struct {
	all *mpb.Progress

	mu   sync.Mutex
	file *row // the one that is pushed now
}

// row is a file's line.
type row struct {
	meter meter
	bar   *mpb.Bar

	mu    sync.Mutex
	phase string // "" while bytes are sent
	over  bool   // it has ended well
}

// NewBar returns a Bar that draws on w, a terminal. Wait ends the drawing.
func NewBar(w io.Writer) *Bar {
	return &Bar{all: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithWidth(40))}
}

// Begin implements maas.Progress.
func (b *Bar) Begin(file string, size, there int64) {
	r := &row{}
	r.meter.begin(time.Now(), size, there)
	r.bar = b.all.AddBar(size,
		mpb.PrependDecorators(decor.Name(file+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + r.state() })))
	r.draw()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.file = r
}

// current returns the row of the file that was begun last, nil before the first.
func (b *Bar) current() *row {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.file
}

// state returns the text behind the bar: the phase, or the bytes, rate and time left while bytes are sent.
func (r *row) state() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase != "" {
		return r.phase
	}
	return r.meter.read(time.Now()).String()
}

// draw moves the bar to the bytes sent, but at most to one byte before its end: mpb would take the bar for ended there, before the phases are
// over. No lock may be held, since mpb asks for the state meanwhile.
func (r *row) draw() {
	now := r.meter.read(time.Now())
	r.bar.SetCurrent(min(now.done, now.size-1))
}

// Sent implements maas.Progress.
func (b *Bar) Sent(n int64) {
	r := b.current()
	r.meter.add(time.Now(), n)
	r.draw()
}

// Phase implements maas.Progress.
func (b *Bar) Phase(name api.UploadPhase, done float64) {
	r := b.current()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase, r.over = phase(name, done), name == api.Done
}

// End implements maas.Progress. It completes the bar if all bytes have come, and stops it where it is if not.
func (b *Bar) End() {
	r := b.current()
	r.mu.Lock()
	over := r.over
	r.mu.Unlock()
	if over {
		r.bar.SetCurrent(r.meter.read(time.Now()).size) // which ends it
	} else {
		r.bar.Abort(false)
	}
	r.bar.Wait()
}

// Wait ends the drawing, after the last End.
func (b *Bar) Wait() { b.all.Wait() }
