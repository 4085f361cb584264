package objects

import (
	"context"
	"time"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
)

const (
	shortestPause = 100 * time.Millisecond // between the first two tries; each later one is five times as long
	longestPause  = 3 * time.Second
)

// patience is how a reader waits for a store that breaks off or is away.
type patience struct {
	most    time.Duration // from the first failure of a read on until it is given up
	waiting func(error)   // is told of each failure that is waited after; nil: nobody
}

// brief returns the patience of a read that a caller waits for: 3 seconds.
func brief() patience { return patience{most: longestPause} }

// insist calls try until it succeeds, fails with anything but Unavailable, the patience is over, or ctx ends. It pauses longer after each failure,
// and returns try's last error.
func (p patience) insist(ctx context.Context, try func() error) error {
	var failed time.Time
	for pauses := (backoff.Backoff{First: shortestPause, Longest: longestPause, Factor: 5}); ; {
		err := try()
		if !fault.Is(err, fault.Unavailable) {
			return err
		}
		if failed.IsZero() {
			failed = time.Now()
		}
		pause := pauses.Next()
		if time.Since(failed)+pause > p.most {
			return err
		}
		if p.waiting != nil {
			p.waiting(err)
		}
		if backoff.Sleep(ctx, pause) != nil {
			return err
		}
	}
}
