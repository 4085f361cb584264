package httpserver

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// fake is a connection from an address that knows whether it is closed.
type fake struct {
	net.Conn

	from   string
	active bool
	since  int
	closed bool
}

func (f *fake) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(f.from), 1))
}

func (f *fake) Close() error { f.closed = true; return nil }

// model holds what connections must do, in the plainest way.
type model struct {
	limits         Limits
	open, reserved []*fake
	clock          int
}

// add returns whether the connection is refused, and what is closed for it.
func (m *model) add(f *fake) (refused bool, evicted *fake) {
	address := Subscriber(netip.MustParseAddr(f.from))
	exempt := m.limits.Proxies.Contain(address.Addr())
	held := m.held()
	switch {
	case !exempt && held[address] >= m.limits.PerAddress:
		if evicted = m.first(func(f *fake) bool { return Subscriber(netip.MustParseAddr(f.from)) == address }); evicted == nil {
			return true, m.refuse(f)
		}
	case len(m.open) >= m.limits.Connections:
		if evicted = m.first(func(*fake) bool { return true }); evicted == nil {
			return true, m.refuse(f)
		}
	}
	m.remove(evicted)
	m.open = append(m.open, f)
	m.set(f, false)
	return false, evicted
}

func (m *model) held() map[netip.Prefix]int {
	held := map[netip.Prefix]int{}
	for _, f := range m.open {
		held[Subscriber(netip.MustParseAddr(f.from))]++
	}
	return held
}

func (m *model) refuse(f *fake) (evicted *fake) {
	if len(m.reserved) == reserved {
		evicted = m.reserved[0]
		m.remove(evicted)
	}
	m.reserved = append(m.reserved, f)
	return evicted
}

// first finds who goes first among the idle connections that are eligible.
func (m *model) first(eligible func(*fake) bool) (found *fake) {
	held := m.held()
	rank := func(f *fake) [3]int {
		address := Subscriber(netip.MustParseAddr(f.from))
		if m.limits.Proxies.Contain(address.Addr()) {
			return [3]int{1, -held[address], f.since}
		}
		return [3]int{0, -held[address], f.since}
	}
	for _, f := range m.open {
		if !f.active && eligible(f) && (found == nil || before(rank(f), rank(found))) {
			found = f
		}
	}
	return found
}

func before(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func (m *model) set(f *fake, active bool) {
	m.clock++
	f.active, f.since = active, m.clock
}

func (m *model) remove(f *fake) {
	for _, list := range []*[]*fake{&m.open, &m.reserved} {
		for i, other := range *list {
			if other == f {
				*list = append((*list)[:i:i], (*list)[i+1:]...)
				break
			}
		}
	}
}

// TestConnectionsAreBoundedInAllAndByAddress lets connections of clients, of a /64 and of a proxy come, work, rest and go at random.
func TestConnectionsAreBoundedInAllAndByAddress(t *testing.T) {
	t.Parallel()
	from := []string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "10.0.0.1", "10.0.0.2"}
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))
		limits := Limits{Connections: 20, PerAddress: 8, Proxies: Proxies{netip.MustParsePrefix("10.0.0.0/8")}}
		m, all := &model{limits: limits}, newConnections(limits)
		for step := range 3000 {
			there := slices.Concat(m.open, m.reserved)
			act := random.IntN(10)
			busy := step/300%2 == 0 // then who comes has a request at once
			if len(there) == 0 || act < 4 {
				f := &fake{from: from[random.IntN(len(from))]}
				refused, evicted := m.add(f)
				if why := all.add(f, func() {}); (why != nil) != refused {
					t.Fatalf("seed %d, step %d: refused: %v, want %v", seed, step, why, refused)
				}
				if evicted != nil && !evicted.closed {
					t.Fatalf("seed %d, step %d: the connection that should make room is open", seed, step)
				}
				if busy {
					m.set(f, true)
					all.becomeActive(f)
				}
			} else if f := there[random.IntN(len(there))]; act < 9 {
				active := act < 7
				m.set(f, active)
				if active {
					all.becomeActive(f)
				} else {
					all.becomeIdle(f)
				}
			} else {
				m.remove(f)
				all.remove(f)
			}
			for _, f := range m.open {
				if f.closed {
					t.Fatalf("seed %d, step %d: a connection of %s was closed that should be open", seed, step, f.from)
				}
			}
			if s := all.statistics(); s.Open != len(m.open)+len(m.reserved) || all.counted > limits.Connections || len(all.holders) != len(m.held()) {
				t.Fatalf("seed %d, step %d: %+v, counted %d, %d holders; want %d and %d open", seed, step, s, all.counted, len(all.holders), len(m.open), len(m.reserved))
			}
		}
		if s := all.statistics(); s.Evicted == 0 || s.Refused == 0 {
			t.Errorf("seed %d reaches no bound: %+v", seed, s)
		}
	}
}

func TestAClientIsAnIPv4AddressOrAnIPv6Network(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Subscriber(netip.MustParseAddr(text)); got.String() != want {
			t.Errorf("%s counts as %s, want %s", text, got, want)
		}
	}
	if got := Subscriber(netip.Addr{}); got.IsValid() {
		t.Errorf("no address counts as %s", got)
	}
}

func TestLimitsFollowFromFilesAndMemory(t *testing.T) {
	t.Parallel()
	const unlimited = 1 << 62
	for name, c := range map[string]struct {
		files  uint64
		memory int64
		want   int
	}{
		"few files":               {256, unlimited, fewestConnections},
		"fewer than the fewest":   {64, unlimited, 16},
		"hardly any file":         {32, unlimited, 1},
		"the limit of a shell":    {4096, unlimited, (4096 - ownFiles) / filesPerConnection},
		"no limit of files":       {1 << 63, unlimited, mostConnections},
		"a function of 110 MiB":   {1 << 20, 110 << 20, 880},
		"a function of 4 MiB":     {1 << 20, 4 << 20, fewestConnections},
		"all the files and bytes": {1 << 20, unlimited, mostConnections},
	} {
		if got := derive(c.files, c.memory); got != c.want {
			t.Errorf("%s: %d connections, want %d", name, got, c.want)
		}
	}
}

func TestLimitsThatCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	for _, l := range []Limits{{Connections: -1}, {PerAddress: -1}, {Connections: int(min(maxFiles(), 1<<40))}} {
		if _, err := l.resolve(); err == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
	l, err := Limits{Connections: 100}.resolve()
	if err != nil || l.PerAddress != 50 {
		t.Errorf("%+v, %v; want half of all for an address", l, err)
	}
}

func TestAServerOfThisHostsProcessesAloneHasNoBound(t *testing.T) {
	t.Parallel()
	s, _ := limited(t, Limits{Connections: 1, PerAddress: 1}, ok)
	s.Unlimit()
	for range 2 * mostConnections {
		f := &fake{from: "192.0.2.1"}
		if why := s.connections.add(f, func() {}); why != nil {
			t.Fatalf("one is refused: %s", why)
		}
		s.connections.becomeActive(f)
		t.Cleanup(func() { s.connections.remove(f) })
	}
}
