package httpserver

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the operator's own proxies. Many clients share the address of one.
type Proxies []netip.Prefix

// UnmarshalText adds networks and single addresses, separated by commas: "127.0.0.0/8, ::1, 10.244.0.0/16". It fails if one is neither.
func (p *Proxies) UnmarshalText(text []byte) error {
	for one := range strings.SplitSeq(string(text), ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		network, err := parseNetwork(one)
		if err != nil {
			return fmt.Errorf("%q is neither a network, 10.244.0.0/16, nor an address", one)
		}
		*p = append(*p, network)
	}
	return nil
}

// parseNetwork parses a network, or a single address as the network that has it alone.
func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		return network.Masked(), err
	}
	address, err := netip.ParseAddr(text)
	return netip.PrefixFrom(address, address.BitLen()), err
}

// Contain reports whether the address is in one of the networks.
func (p Proxies) Contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// subscriberBits is the size of the smallest IPv6 network that a subscriber gets (RFC 6177, 2).
const subscriberBits = 64

// Subscriber returns the network that counts as one client: an IPv4 address, or the /64 of an IPv6 address, in which a client can choose any
// address. It is the zero Prefix for the zero Addr.
func Subscriber(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	network, _ := address.Prefix(min(subscriberBits, address.BitLen())) // fails for the zero Addr alone
	return network
}

// peer returns the address that a connection comes from, and the zero Addr where there is none, as on a Unix socket.
func peer(c net.Conn) netip.Addr {
	address, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return address.AddrPort().Addr().Unmap().WithZone("")
}
