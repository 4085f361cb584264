package hostile

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestClientsThatDoNotReadHoldNoModel has as many callers as a model has slots ask for answers of 8 MiB, over connections that take little, and read
// nothing. The innocent caller is another credential of the same model. On a host that stays, whose slots are as many as they are, there are fewer callers
// than slots, and proxies with buffers of their own.
func TestClientsThatDoNotReadHoldNoModel(t *testing.T) {
	t.Parallel()
	callers, server := 24, the.Server
	if !the.Stays {
		const slots = 4
		callers, server = 2*slots, e2etest.Up(t, "MAAS_INFER_CONCURRENCY="+strconv.Itoa(slots)).URL
	}
	user := the.Leaving(e2etest.Register(t, server))
	path, site := user.Publish("echo", "identity.onnx"), user.Site()
	long, header, err := e2etest.EchoRequest(bytes.Repeat([]byte("x"), 8*mib))
	e2etest.Must(t, err)
	short, shortHeader, err := e2etest.EchoRequest([]byte("x"))
	e2etest.Must(t, err)
	key := site
	key.Token = user.Key("inference:execute")
	innocent := func(ctx context.Context) error {
		answer, err := key.Call(ctx, path, bytes.NewReader(short), shortHeader)
		return answered(answer, err)
	}
	e2etest.Must(t, innocent(t.Context()))
	silent := site
	unharmed(t, innocent, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				one := *silent.Function
				one.Client = &http.Client{Transport: &http.Transport{DialContext: dialSmall, ReadBufferSize: 4 << 10, DisableKeepAlives: true}}
				caller := silent
				caller.Function = &one
				answer, err := caller.Call(ctx, path, bytes.NewReader(long), header)
				if err != nil {
					return
				}
				<-ctx.Done()
				_ = answer.Body.Close()
			})
		}
		all.Wait()
	})
}

// dialSmall returns a connection with small buffers.
func dialSmall(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	return conn, err
}
