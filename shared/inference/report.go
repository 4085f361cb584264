package inference

import (
	"net/http"
	"strconv"
	"time"

	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
)

// report is what was done for a call, whatever it came to.
type report struct {
	began   time.Time
	version *resolver.Version // nil if none was found
	cache   string            // what X-Cache says
	queue   time.Duration
	cold    time.Duration
	compute time.Duration
	stage   stage
	onSlot  func(report) // if not nil, it is called when the run gets its slot
}

// stage is how far a call has come. It decides what its caller is told when the call's time ends.
type stage int

const (
	arriving stage = iota // it is being read, or waits for its version to start
	queued                // it waits for a slot at the model server
	running               // it is at the model server
)

// granted records that the call got a slot, for which it waited since the given time.
func (r *report) granted(since time.Time) {
	r.queue, r.stage = time.Since(since), running
	if r.onSlot != nil {
		r.onSlot(*r)
	}
}

// take copies the times and the stage of a shared run. If the run is not known, it does nothing.
func (r *report) take(of *report) {
	if of.version == nil {
		return
	}
	r.queue, r.compute, r.stage = of.queue, of.compute, of.stage
	r.cold += of.cold // to what the call itself waited for
}

// coldStartHeader is where an activator says how long it waited for the model server to start, in milliseconds.
const coldStartHeader = "X-Cold-Start-Ms"

// started adds to the report how long the call waited for the model server to start. took is the time until the header h of its answer. The wait is
// in h; without it, it is the part of took in which the server, by its age, did not exist.
func (r *report) started(h http.Header, took time.Duration) {
	if waited, ok := milliseconds(h, coldStartHeader); ok {
		r.cold += waited
	} else if age, ok := milliseconds(h, openinference.AgeHeader); ok {
		r.cold += max(0, took-age)
	}
}

// milliseconds parses a header that holds a number of milliseconds. It reports false if the header is missing, repeated or malformed.
func milliseconds(h http.Header, name string) (time.Duration, bool) {
	values := h[name]
	if len(values) != 1 {
		return 0, false
	}
	n, err := strconv.ParseUint(values[0], 10, 32)
	return time.Duration(n) * time.Millisecond, err == nil
}

// setHeader sets the response headers that describe the call: version, cache, times and deprecation. Without a version it sets none.
func (r *report) setHeader(h http.Header) {
	if r.version == nil {
		return
	}
	values := []string{ // one array for all
		r.version.Version.String(), r.cache, strconv.FormatInt(r.queue.Milliseconds(), 10), strconv.FormatInt(r.cold.Milliseconds(), 10), r.timing(),
	}
	for i, name := range [...]string{"X-Model-Version", "X-Cache", "X-Queue-Ms", "X-Cold-Start-Ms", "Server-Timing"} {
		h[name] = values[i : i+1 : i+1]
	}
	if d := r.version.Deprecation; d != nil {
		h["Deprecation"] = []string{"@" + strconv.FormatInt(d.Since.Unix(), 10)} // RFC 9745, 2.1
		if !d.Sunset.IsZero() {
			h["Sunset"] = []string{d.Sunset.UTC().Format(http.TimeFormat)} // RFC 8594, 3
		}
	}
}

// timing returns the value of Server-Timing (W3C Server Timing, 3): durations in milliseconds.
func (r *report) timing() string {
	b := make([]byte, 0, 64)
	for _, part := range []struct {
		name string
		took time.Duration
	}{{"queue", r.queue}, {"start", r.cold}, {"compute", r.compute}} {
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, part.name...), ";dur="...)
		b = strconv.AppendFloat(b, float64(part.took.Microseconds())/1000, 'f', -1, 64)
	}
	return string(b)
}
