package localruntime

import (
	"fmt"
	"time"

	"github.com/17882237881/MaaS/api/fault"
)

const (
	firstFallPause   = time.Second // after the second end in a row; it doubles with each, up to longestFallPause
	longestFallPause = time.Minute
	steadyTime       = time.Minute // a runtime that ran for as long begins anew
)

// fall is how often in a row a version's runtime has ended by itself while it served. What ends it may be a call that comes again and again.
type fall struct {
	count int
	until time.Time // it is not started again before
	why   error     // nil if that is not known
}

// next returns the count after one more end, of a runtime that was ready at began. A runtime that ran for steadyTime counts from one again.
// After the first end it may start again at once, and later after a pause that doubles.
func (f fall) next(began, ended time.Time, why error) fall {
	n := fall{count: f.count + 1, until: ended, why: why}
	if ended.Sub(began) >= steadyTime {
		n.count = 1
	}
	if n.count > 1 {
		n.until = ended.Add(min(longestFallPause, firstFallPause<<min(n.count-2, 10)))
	}
	return n
}

// pause returns nil if the runtime may be started at now. Before that it returns an Unavailable error for callers, with the time to wait.
func (f fall) pause(now time.Time) error {
	left := f.until.Sub(now)
	if left <= 0 {
		return nil
	}
	left = left.Truncate(time.Second) + time.Second
	why := "it crashed"
	if f.why != nil {
		why = fault.From(f.why).Message
	}
	sentence := fmt.Sprintf("The model server has ended by itself %d times in a row, last because %s. It may start again in %s.", f.count, why, left)
	return fault.New(fault.Unavailable, sentence, fault.Cause(f.why), fault.RetryAfter(left))
}
