package httpapi

import (
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/shared/httpserver"
)

// client returns the address that the request came from: the first, seen from here, that is none of the proxies'. How many of them are in the
// way may change from request to request, as it does where Knative's activator is in the way of some. What the client itself says stands
// further away in X-Forwarded-For, and is never come to.
func client(r *http.Request, proxies httpserver.Proxies) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr) // zero where there is no address, as on a unix socket
	address := plain(peer.Addr())
	for hop := range backwards(r.Header["X-Forwarded-For"]) {
		if !proxies.Contain(address) {
			break
		}
		before, err := parseHop(hop)
		if err != nil {
			break
		}
		address = before
	}
	return address
}

// backwards returns the elements of a header's lists, the last first.
func backwards(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range slices.Backward(lines) {
			for end := len(line); end >= 0; {
				begin := strings.LastIndexByte(line[:end], ',') + 1
				if !yield(strings.TrimSpace(line[begin:end])) {
					return
				}
				end = begin - 1
			}
		}
	}
}

// parseHop reads an address, with the port that some proxies write after it.
func parseHop(text string) (netip.Addr, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return plain(address), nil
	}
	address, err := netip.ParseAddrPort(text)
	return plain(address.Addr()), err
}

// plain returns the address as it is compared and kept: an IPv4 address within an IPv6 one as itself, and without a zone, which means something on
// its own machine alone.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }
