package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxFloors bounds what a process remembers of floors. When it is full, the process forgets them and everything that it has kept.
const maxFloors = 50_000

// floors are the epochs below which a scope's answers count no more, as far as the process has heard.
type floors struct {
	mu  sync.RWMutex
	of  map[string]floor
	era *atomic.Int64
}

type floor struct {
	epoch int64
	heard time.Time
}

// at returns a scope's floor; ok is false where there is none.
func (f *floors) at(scope string) (at floor, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, ok = f.of[scope]
	return at, ok
}

// raise sets a scope's floor to the epoch, unless the known floor is higher.
func (f *floors) raise(scope string, epoch int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.of) >= maxFloors || f.of == nil {
		f.forget()
	}
	if known, ok := f.of[scope]; ok && known.epoch > epoch {
		return
	}
	f.of[scope] = floor{epoch, time.Now()}
}

// forget drops floors that are no longer needed. If that is not enough it drops others, and begins a new era, in which all that the process keeps
// is invalid.
func (f *floors) forget() {
	old := f.of
	f.of = map[string]floor{}
	for scope, one := range old {
		if time.Since(one.heard) < 2*processLife && len(f.of) < maxFloors/2 {
			f.of[scope] = one
		}
	}
	if len(f.of) >= maxFloors/2 {
		f.era.Add(1)
	}
}
