package share

import (
	"container/heap"
	"context"
	"sync"
)

// Slots is a semaphore with a fair queue, as the package's comment says. It is safe for concurrent use.
type Slots struct {
	queue *Pool

	mu      sync.Mutex
	free    int
	clock   uint64            // counts arrivals and grants
	groups  map[Holder]*group // of credentials
	tenants map[string]*group
	order   order // the tenants that wait
	spare   recycled[group]
}

// group is a tenant, or a credential within one. It is there while it holds a slot or waits for one.
type group struct {
	holder Holder
	tenant *group // nil for a tenant's own
	held   int
	since  uint64 // when it began to wait, or got its last slot
	place  int    // in its order, from 1; 0 if it does not wait

	order       order   // a tenant's credentials that wait
	first, last *waiter // a credential's calls that wait
}

// waiter is a call that waits. Its fields are the mutex's.
type waiter struct {
	ready      chan struct{} // closed when it has its slot
	granted    bool
	prev, next *waiter
}

// NewSlots returns a semaphore of n slots; queue has the places of those that wait.
func NewSlots(n int, queue *Pool) *Slots {
	return &Slots{queue: queue, free: n, groups: map[Holder]*group{}, tenants: map[string]*group{}}
}

// Slot is one that a call holds. The zero Slot is none.
type Slot struct {
	of     *Slots
	holder *group
}

// Acquire waits for a slot and returns it; the caller calls Release. It fails with RateLimited if the queue has no place for the holder, and
// with ctx's error if ctx ends while it waits. If a slot is free it does not look at ctx.
func (s *Slots) Acquire(ctx context.Context, h Holder) (Slot, error) {
	s.mu.Lock()
	if s.free > 0 {
		defer s.mu.Unlock()
		s.free--
		g := s.group(h)
		g.hold(1)
		return Slot{s, g}, nil
	}
	s.mu.Unlock()
	place := s.queue.Loan(h)
	if err := place.Take(1); err != nil {
		return Slot{}, err
	}
	defer place.End()
	return s.wait(ctx, h)
}

// Contended reports whether another credential than the slot's waits for a slot.
func (l *Slot) Contended() bool {
	if l.holder == nil {
		return false
	}
	s, g := l.of, l.holder
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.order) == 0:
		return false
	case len(s.order) > 1 || s.order[0] != g.tenant:
		return true
	default:
		return len(g.tenant.order) > 1 || g.tenant.order[0] != g
	}
}

// Release releases the slot. Calls after the first do nothing.
func (l *Slot) Release() {
	if l.holder == nil {
		return
	}
	s, g := l.of, l.holder
	*l = Slot{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(g)
}

// wait adds a call to the queue and waits until it is granted a slot. It returns ctx's error if ctx ends first.
func (s *Slots) wait(ctx context.Context, h Holder) (Slot, error) {
	w := &waiter{ready: make(chan struct{})}
	s.mu.Lock()
	g := s.group(h)
	s.enqueue(g, w)
	if s.free > 0 { // one was released since Acquire looked
		s.free--
		s.grant()
	}
	s.mu.Unlock()
	select {
	case <-w.ready:
		return Slot{s, g}, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.granted { // at the same time: the next one has it
		s.release(g)
		return Slot{}, ctx.Err()
	}
	s.dequeue(g, w)
	s.forget(g)
	return Slot{}, ctx.Err()
}

// release takes a slot from the group and grants it to the next waiter. The caller holds the mutex, here and in the
// methods below.
func (s *Slots) release(g *group) {
	g.hold(-1)
	s.settle(g)
	s.forget(g)
	if len(s.order) == 0 {
		s.free++
		return
	}
	s.grant()
}

// grant gives a slot to the call that is first in the order. Somebody must be waiting.
func (s *Slots) grant() {
	g := s.order[0].order[0]
	w := g.first
	s.dequeue(g, w)
	g.hold(1)
	s.clock++
	g.since, g.tenant.since = s.clock, s.clock
	s.settle(g)
	w.granted = true
	close(w.ready)
}

// hold adds n, which may be negative, to the slots that a credential and its tenant hold.
func (g *group) hold(n int) {
	g.held += n
	g.tenant.held += n
}

// enqueue adds a waiter to the end of its credential's queue.
func (s *Slots) enqueue(g *group, w *waiter) {
	if w.prev = g.last; w.prev != nil {
		w.prev.next = w
	} else {
		g.first = w
	}
	g.last = w
	s.begin(&g.tenant.order, g)
	s.begin(&s.order, g.tenant)
}

// begin adds a group to the order, unless it is there already.
func (s *Slots) begin(o *order, g *group) {
	if g.place == 0 {
		s.clock++
		g.since = s.clock
		heap.Push(o, g)
	}
}

// dequeue removes a call from its credential's queue. A credential or tenant without waiting calls leaves its order.
func (s *Slots) dequeue(g *group, w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		g.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		g.last = w.prev
	}
	w.prev, w.next = nil, nil
	if g.first == nil {
		heap.Remove(&g.tenant.order, g.place-1)
	}
	if len(g.tenant.order) == 0 {
		heap.Remove(&s.order, g.tenant.place-1)
	}
}

// settle moves the group and its tenant to their places in the orders after a change.
func (s *Slots) settle(g *group) {
	if g.place > 0 {
		heap.Fix(&g.tenant.order, g.place-1)
	}
	if g.tenant.place > 0 {
		heap.Fix(&s.order, g.tenant.place-1)
	}
}

// group returns the holder's group, and creates it, and its tenant's, if there is none.
func (s *Slots) group(h Holder) *group {
	if g := s.groups[h]; g != nil {
		return g
	}
	t := s.tenants[h.Tenant]
	if t == nil {
		t = s.spare.get()
		t.holder.Tenant = h.Tenant
		s.tenants[h.Tenant] = t
	}
	g := s.spare.get()
	g.holder, g.tenant = h, t
	s.groups[h] = g
	return g
}

// forget deletes a group that neither holds slots nor waits, and then its tenant's likewise.
func (s *Slots) forget(g *group) {
	if g.held > 0 || g.first != nil {
		return
	}
	t := g.tenant
	delete(s.groups, g.holder)
	*g = group{}
	s.spare.put(g)
	if t.held == 0 && len(t.order) == 0 {
		delete(s.tenants, t.holder.Tenant)
		*t = group{order: t.order[:0]}
		s.spare.put(t)
	}
}

// order is a heap of groups that wait: the one that holds fewest slots first; of equals, the one that has waited longest since it came or was served.
type order []*group

// Len implements heap.Interface.
func (o *order) Len() int { return len(*o) }

// Less implements heap.Interface.
func (o *order) Less(i, j int) bool {
	a, b := (*o)[i], (*o)[j]
	if a.held != b.held {
		return a.held < b.held
	}
	return a.since < b.since
}

// Swap implements heap.Interface.
func (o *order) Swap(i, j int) {
	a, b := (*o)[i], (*o)[j]
	(*o)[i], (*o)[j] = b, a
	b.place, a.place = i+1, j+1
}

// Push implements heap.Interface.
func (o *order) Push(x any) {
	g, _ := x.(*group)
	*o = append(*o, g)
	g.place = len(*o)
}

// Pop implements heap.Interface.
func (o *order) Pop() any {
	last := len(*o) - 1
	g := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	g.place = 0
	return g
}
