package openinference

import (
	"context"
	"encoding/hex"
	"net"
	"strings"
	"time"
)

// socketDomain ends the host names that stand for Unix sockets. No name below .invalid ever resolves (RFC 6761, 6.4).
const socketDomain = ".socket.invalid"

// SocketURL gives the address of a server that listens on a Unix socket. It is like any other to whoever dials by Dialer.
func SocketURL(path string) string {
	return "http://" + hex.EncodeToString([]byte(path)) + socketDomain
}

// Dialer connects to model servers: by TCP, and to those of SocketURL by their sockets.
func Dialer(patience time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: patience, KeepAlive: 15 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if path := socketOf(address); path != "" {
			return dialer.DialContext(ctx, "unix", path)
		}
		return dialer.DialContext(ctx, network, address)
	}
}

// socketOf gives the socket that an address, host and port, stands for; "" where it is none.
func socketOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	name, ok := strings.CutSuffix(host, socketDomain)
	if !ok {
		return ""
	}
	path, err := hex.DecodeString(name)
	if err != nil {
		return ""
	}
	return string(path)
}
