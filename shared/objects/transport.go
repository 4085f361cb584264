package objects

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	// assembly bounds the wait for Complete's answer: a store may copy all parts first (versitygw: 300 MB/s).
	assembly = 10 * time.Minute
	// connections that stay open: as many as an upload has parallel chunks.
	connections = 64
	buffer      = 64 << 10
)

// transport returns an HTTP transport with the configured time limits. answer limits the wait for an answer's header; a body may take as long as
// bytes keep moving. A nil trusted stands for the system's authorities.
func (c config) transport(answer time.Duration, trusted *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: c.DialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return moving{conn, c.StallTimeout}, nil
		},
		TLSClientConfig:       trusted.Clone(),
		TLSHandshakeTimeout:   c.DialTimeout,
		ResponseHeaderTimeout: answer,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          connections,
		MaxIdleConnsPerHost:   connections,
		IdleConnTimeout:       time.Minute,
		WriteBufferSize:       buffer,
		ReadBufferSize:        buffer,
		DisableCompression:    true,
	}
}

// client returns an HTTP client that follows no redirects: it returns them as answers.
func client(transport *http.Transport) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// moving is a connection on which each write must get on within a time: a store that stopped reading is away.
type moving struct {
	net.Conn
	stall time.Duration
}

// Write implements net.Conn. It fails if the other side takes no bytes for the stall timeout.
func (c moving) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
