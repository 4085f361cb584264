package httpapi

import (
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/shared/httpserver"
)

// client returns the address that the request came from: seen from here, the first that is none of our proxies'. X-Forwarded-For is read from
// its end for as long as the addresses are proxies', so that what the client itself wrote into it is never reached. The zero Addr stands for a
// Unix socket.
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

// backwards returns the elements of a header's comma-separated lists, the last first and without surrounding space.
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

// parseHop parses an address, with or without a port after it, and returns it as plain does.
func parseHop(text string) (netip.Addr, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return plain(address), nil
	}
	address, err := netip.ParseAddrPort(text)
	return plain(address.Addr()), err
}

// plain returns the address in the form in which addresses are compared: an IPv4 address within an IPv6 one as IPv4, and without a zone.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }
