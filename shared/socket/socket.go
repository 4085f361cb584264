// Package socket lets a server that listens on a Unix socket have an HTTP address, so that rows, settings and clients carry it as any other.
package socket

import (
	"context"
	"encoding/hex"
	"net"
	"strings"
	"time"
)

// domain ends the host names that stand for Unix sockets. No name below .invalid ever resolves (RFC 6761, 6.4), so that a client that does not dial by
// Dialer reaches nobody.
const domain = ".socket.invalid"

// URL returns the address of a server that listens on the Unix socket at path.
func URL(path string) string {
	return "http://" + hex.EncodeToString([]byte(path)) + domain
}

// Dialer returns an http.Transport's DialContext that connects to the hosts of URL by their sockets, and to all others as they ask. A connection must be
// there within patience.
func Dialer(patience time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: patience, KeepAlive: 15 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if path := pathOf(address); path != "" {
			return dialer.DialContext(ctx, "unix", path)
		}
		return dialer.DialContext(ctx, network, address)
	}
}

// pathOf returns the path of the socket that an address, host and port, stands for, or "".
func pathOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	name, ok := strings.CutSuffix(host, domain)
	if !ok {
		return ""
	}
	path, err := hex.DecodeString(name)
	if err != nil {
		return ""
	}
	return string(path)
}
