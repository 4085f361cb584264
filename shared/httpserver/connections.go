package httpserver

import (
	"container/heap"
	"container/list"
	"net"
	"net/netip"
	"sync"
)

// reserved is how many connections are accepted beyond the bounds. They get answers to health checks, and to nothing else.
const reserved = 32

// maxSpared bounds the search for an idle connection on which no request has arrived.
const maxSpared = 8

// connections are the open connections of a server, by the address that they come from.
//
// At a bound the connection that has been idle longest is closed for a new one: at the bound of an address one of that address, at the bound in
// all one of the address that has most. Idle are connections without a request under way: before their first, between two, and those of
// HTTP/2 without streams. The net/http server reports a request once it has read its header.
//
// If none is idle, the new connection is refused: it is one of the reserved connections, of which the oldest is closed for the newest.
type connections struct {
	mu      sync.Mutex
	limits  Limits
	open    map[net.Conn]*connection
	counted int // without the reserved connections
	holders map[netip.Prefix]*holder
	idle    holders   // those with idle connections
	surplus list.List // the reserved connections, oldest first
	clock   uint64    // numbers the moments at which connections become idle
	stats   Stats
}

// Stats counts the connections of a server.
type Stats struct {
	Open    int    // at present
	Limit   int    // how many may be open
	Evicted uint64 // closed while they were idle, to make room
	Refused uint64 // accepted for health checks only
}

// connection is an open connection.
type connection struct {
	net.Conn
	holder  *holder       // nil for a reserved connection
	refusal *Refusal      // nil for all others
	queued  *list.Element // its place among the idle connections of its holder, or among the reserved ones; nil if it is active
	since   uint64        // when it became idle
	forget  func()
}

// holder is who has connections open.
type holder struct {
	network netip.Prefix
	exempt  bool // from the bound of an address
	open    int
	idle    list.List // of *connection, the longest idle first
	index   int       // in holders
}

// Refusal says why a connection was refused.
type Refusal struct {
	Limit      int  // how many connections may be open
	PerAddress bool // whether that is the limit of one address
}

// newConnections returns an empty set of connections with the limits.
func newConnections(limits Limits) *connections {
	return &connections{limits: limits, open: map[net.Conn]*connection{}, holders: map[netip.Prefix]*holder{}}
}

// setLimits changes the limits for connections to come. Those that are open stay open.
func (all *connections) setLimits(limits Limits) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.limits = limits
	for _, h := range all.holders {
		h.exempt = all.exempts(h.network)
	}
	heap.Init(&all.idle)
}

// exempts reports whether the limit of one address does not hold for the network: it is a proxy's, or of Unix sockets.
func (all *connections) exempts(network netip.Prefix) bool {
	return !network.IsValid() || all.limits.Proxies.Contain(network.Addr())
}

// add records a new connection. It may close an idle one to make room. If there is no room it returns why the connection is refused, else nil.
// forget is called once the connection is closed.
func (all *connections) add(c net.Conn, forget func()) *Refusal {
	all.mu.Lock()
	added := &connection{Conn: c, forget: forget}
	all.open[c] = added
	evicted := all.admit(added, Subscriber(peer(c)))
	all.mu.Unlock()
	evicted.close()
	return added.refusal
}

// admit counts the connection to its network's holder, or makes it a reserved one if there is no room. It returns the connection that the
// caller must close for it, nil if none. The caller has the mutex.
func (all *connections) admit(added *connection, network netip.Prefix) (evicted *connection) {
	h := all.holder(network)
	switch {
	case !h.exempt && h.open >= all.limits.PerAddress:
		if evicted = all.evict(h); evicted == nil {
			return all.refuse(added, &Refusal{Limit: all.limits.PerAddress, PerAddress: true})
		}
	case all.counted >= all.limits.Connections:
		if evicted = all.evict(all.idle.first()); evicted == nil {
			return all.refuse(added, &Refusal{Limit: all.limits.Connections})
		}
	}
	all.holders[network] = h // it may just have lost its last connection
	added.holder = h
	h.open++
	all.counted++
	all.rest(added)
	return evicted
}

// holder returns the holder of a network, or a new one, which is not in all.holders yet.
func (all *connections) holder(network netip.Prefix) *holder {
	if h := all.holders[network]; h != nil {
		return h
	}
	return &holder{network: network, exempt: all.exempts(network), index: none}
}

// evict removes the connection of the holder that has been idle longest and returns it; the caller closes it. It passes over up to maxSpared
// connections on which a request has just arrived. It returns nil if the holder is nil or has no idle connection.
func (all *connections) evict(h *holder) *connection {
	if h == nil || h.idle.Len() == 0 {
		return nil
	}
	for range min(maxSpared, h.idle.Len()-1) {
		c := h.longestIdle()
		if !hasInput(c.Conn) {
			break
		}
		h.idle.MoveToBack(c.queued) // its request has arrived, and net/http will read it
		all.clock++
		c.since = all.clock
	}
	evicted := h.longestIdle()
	all.drop(evicted)
	all.stats.Evicted++
	return evicted
}

// refuse makes a connection a reserved one with the reason, and returns the oldest reserved one if there were too many, nil otherwise. The
// caller closes that.
func (all *connections) refuse(c *connection, why *Refusal) (evicted *connection) {
	all.stats.Refused++
	if all.surplus.Len() == reserved {
		evicted, _ = all.surplus.Front().Value.(*connection)
		all.drop(evicted)
	}
	c.refusal = why
	c.queued = all.surplus.PushBack(c)
	return evicted
}

// becomeIdle records that a connection has no request any more. Reserved and unknown connections are left alone.
func (all *connections) becomeIdle(nc net.Conn) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if c := all.open[nc]; c != nil && c.holder != nil {
		c.unqueue()
		all.rest(c)
	}
}

// becomeActive records that a connection has a request, so that it is not closed to make room. A reserved one may be closed all the same.
func (all *connections) becomeActive(nc net.Conn) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if c := all.open[nc]; c != nil && c.holder != nil {
		c.unqueue()
		all.idle.fix(c.holder)
	}
}

// unqueue removes a connection from its holder's idle connections.
func (c *connection) unqueue() {
	if c.queued != nil {
		c.holder.idle.Remove(c.queued)
		c.queued = nil
	}
}

// rest appends a connection to its holder's idle connections.
func (all *connections) rest(c *connection) {
	all.clock++
	c.since = all.clock
	c.queued = c.holder.idle.PushBack(c)
	all.idle.fix(c.holder)
}

// remove forgets a connection that is closed, and calls its forget. It does nothing if it was forgotten before.
func (all *connections) remove(nc net.Conn) {
	all.mu.Lock()
	c := all.open[nc]
	if c != nil {
		all.drop(c)
	}
	all.mu.Unlock()
	if c != nil {
		c.forget()
	}
}

// drop removes a connection from the records, without closing it. The caller has the mutex.
func (all *connections) drop(c *connection) {
	delete(all.open, c.Conn)
	h := c.holder
	if h == nil {
		all.surplus.Remove(c.queued)
		return
	}
	c.unqueue()
	h.open--
	all.counted--
	if h.open == 0 {
		delete(all.holders, h.network)
	}
	all.idle.fix(h)
}

// shed closes an idle connection, the one that would go first, because the process can open no more files.
func (all *connections) shed() {
	all.mu.Lock()
	evicted := all.evict(all.idle.first())
	all.mu.Unlock()
	evicted.close()
}

func (all *connections) statistics() Stats {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.stats.Open, all.stats.Limit = len(all.open), all.limits.Connections
	return all.stats
}

// close closes a connection that was removed from the records, and calls its forget. It does nothing for nil.
func (c *connection) close() {
	if c != nil {
		_ = c.Close()
		c.forget()
	}
}

// longestIdle returns the holder's connection that has been idle longest. There must be one.
func (h *holder) longestIdle() *connection {
	c, _ := h.idle.Front().Value.(*connection)
	return c
}

// holders is a heap of those with idle connections, by who gives up one first: clients before proxies and Unix sockets, behind which many callers
// share a connection; then who has most connections; then who has one that has been idle longest.
type holders []*holder

// none is the index of a holder that is not in the heap.
const none = -1

// first returns the holder that gives up a connection first, nil if none has an idle one.
func (hs *holders) first() *holder {
	if len(*hs) == 0 {
		return nil
	}
	return (*hs)[0]
}

// fix puts a holder into the heap, moves it or removes it, after its connections have changed.
func (hs *holders) fix(h *holder) {
	switch {
	case h.idle.Len() == 0 && h.index != none:
		heap.Remove(hs, h.index)
	case h.idle.Len() == 0:
	case h.index == none:
		heap.Push(hs, h)
	default:
		heap.Fix(hs, h.index)
	}
}

// Len implements heap.Interface.
func (hs *holders) Len() int { return len(*hs) }

// Less implements heap.Interface. The holder that loses a connection first comes first: one that is not exempt, then
// the one with the most connections, then the one that has been idle longest.
func (hs *holders) Less(i, j int) bool {
	a, b := (*hs)[i], (*hs)[j]
	switch {
	case a.exempt != b.exempt:
		return b.exempt
	case a.open != b.open:
		return a.open > b.open
	default:
		return a.longestIdle().since < b.longestIdle().since
	}
}

// Swap implements heap.Interface.
func (hs *holders) Swap(i, j int) {
	a, b := (*hs)[i], (*hs)[j]
	(*hs)[i], (*hs)[j] = b, a
	b.index, a.index = i, j
}

// Push implements heap.Interface.
func (hs *holders) Push(x any) {
	h, _ := x.(*holder)
	h.index = len(*hs)
	*hs = append(*hs, h)
}

// Pop implements heap.Interface.
func (hs *holders) Pop() any {
	last := len(*hs) - 1
	h := (*hs)[last]
	(*hs)[last] = nil
	*hs = (*hs)[:last]
	h.index = none
	return h
}
