package inference

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/share"
)

// slots bounds, for each version, how many calls are at its model server at once and how many wait for it. Callers share them by the rule of package share.
type slots struct {
	each int // slots of a version

	mu       sync.Mutex
	queue    share.Limit // of a version
	versions map[uuid.UUID]*versionSlots
	past     share.Refusals // of versions that nobody calls now
}

// versionSlots is one version's; it is there while anybody uses it.
type versionSlots struct {
	slots *share.Slots
	queue *share.Pool
	users int // at the server or waiting
}

// busyRetry is when a client may come again that found the model busy.
const busyRetry = time.Second

// newSlots returns slots: each of them for a version, and queue places for the calls that wait for one.
func newSlots(each, queue int) *slots {
	limit := share.Limit{Most: int64(queue), Noun: "places in the model's queue", Setting: "MAAS_INFER_QUEUE", RetryAfter: busyRetry}
	return &slots{each: each, queue: limit, versions: map[uuid.UUID]*versionSlots{}}
}

// slot is one at a version's model server.
type slot struct {
	share.Slot

	of      *slots
	version uuid.UUID
	among   *versionSlots
}

// release gives the slot back. It must be called once only.
func (s *slot) release() {
	s.Release()
	s.of.leave(s.version, s.among)
}

// acquire waits for a slot at the version's model server. It fails with RateLimited if the queue has no place for the caller, and with ctx's error if ctx ends
// in the queue.
func (s *slots) acquire(ctx context.Context, version uuid.UUID, h share.Holder) (*slot, error) {
	v := s.join(version)
	one, err := v.slots.Acquire(ctx, h)
	if err != nil {
		s.leave(version, v)
		return nil, err
	}
	return &slot{one, s, version, v}, nil
}

// join returns the slots of a version, which it makes if there are none, and adds a user. Each user calls leave.
func (s *slots) join(version uuid.UUID) *versionSlots {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.versions[version]
	if v == nil {
		queue := share.NewPool(s.queue)
		v = &versionSlots{slots: share.NewSlots(s.each, queue), queue: queue}
		s.versions[version] = v
	}
	v.users++
	return v
}

// leave removes a user of a version's slots, and deletes them with the last one.
func (s *slots) leave(version uuid.UUID, v *versionSlots) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.users--; v.users == 0 {
		delete(s.versions, version)
		s.past.Add(v.queue.Stats().Refusals)
	}
}

// waiting returns the numbers of all versions' queues, added up. The limit is that of one queue.
func (s *slots) waiting() share.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := share.Stats{Limit: s.queue.Most, Refusals: s.past}
	for _, v := range s.versions {
		one := v.queue.Stats()
		all.Used += one.Used
		all.Holders += one.Holders
		all.Refusals.Add(one.Refusals)
	}
	return all
}
