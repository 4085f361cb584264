package machine

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// proxy passes TCP connections on to a server that can be taken away.
type proxy struct {
	address string
	network string // of the server: tcp, unix
	server  string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

// before puts a proxy before a server. It ends with the test.
func before(t *testing.T, network, server string) *proxy {
	t.Helper()
	p := &proxy{address: e2etest.FreeAddress(), network: network, server: server}
	p.restore(t)
	t.Cleanup(p.cut)
	return p
}

// beforePostgres puts a proxy before the server of a URL on a Unix socket, and returns the URL by which clients come through it.
func beforePostgres(t *testing.T, database string) (p *proxy, through string) {
	t.Helper()
	u, err := url.Parse(database)
	e2etest.Must(t, err)
	if folder := u.Query().Get("host"); folder != "" {
		p = before(t, "unix", folder+"/.s.PGSQL.5432")
	} else {
		p = before(t, "tcp", u.Host)
	}
	u.Host, u.RawQuery = p.address, "sslmode=disable"
	return p, u.String()
}

// cut takes the server away: connections end, and nobody listens.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close() // it may be cut already
	for conn := range p.open {
		_ = conn.Close()
	}
}

// restore brings the server back.
func (p *proxy) restore(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	l, err := net.Listen("tcp", p.address)
	e2etest.Must(t, err)
	p.listener, p.open = l, map[net.Conn]bool{}
	go p.accept(l) // ends with cut
}

func (p *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go p.pass(l, client) // ends with either side, or with cut
	}
}

func (p *proxy) pass(l net.Listener, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.keep(l, client, server) {
		return
	}
	go func() { // ends with either side
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}

// keep notes the connections for cut, unless that came first.
func (p *proxy) keep(l net.Listener, conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != l {
		return false
	}
	for _, conn := range conns {
		p.open[conn] = true
	}
	return true
}
