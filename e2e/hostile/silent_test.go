//go:build !cluster

package hostile

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestClientsThatDoNotReadHoldNoModel has as many callers as a model has slots ask for answers of 8 MiB, over connections that take little, and read
// nothing. The innocent caller is another credential of the same model.
func TestClientsThatDoNotReadHoldNoModel(t *testing.T) {
	t.Parallel()
	const slots = 4
	host := e2etest.Up(t, "MAAS_INFER_CONCURRENCY=4")
	user := e2etest.Register(t, host.URL)
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
		for range 2 * slots {
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

// dialSmall gives a connection with small buffers.
func dialSmall(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	return conn, err
}
