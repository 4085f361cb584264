package httpapi

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"testing"
)

// dialing returns a transport whose connections come from the address: the whole of 127.0.0.0/8 is this machine's.
func dialing(t *testing.T, from string) *http.Transport {
	t.Helper()
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// proxied starts a reverse proxy as Knative's activator and queue-proxy are ones, and returns its address.
func proxied(t *testing.T, from, to string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { // what a Director has done for it (knative.dev/serving, pkg/http/proxy.go)
			r.SetURL(target)
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
		},
		Transport: dialing(t, from),
	})
	t.Cleanup(server.Close)
	return server.URL
}

func TestTheAddressIsTheSameWithAndWithoutTheActivator(t *testing.T) {
	t.Parallel()
	p := trust(t, "127.0.0.1, 127.0.0.16/28")
	seen := make(chan netip.Addr, 1)
	function := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- client(r, p) }))
	t.Cleanup(function.Close)
	queueProxy := proxied(t, "127.0.0.1", function.URL)
	activator := proxied(t, "127.0.0.17", queueProxy)
	client := &http.Client{Transport: dialing(t, "127.0.0.99")}

	for name, ingress := range map[string]string{"warm": proxied(t, "127.0.0.18", queueProxy), "cold": proxied(t, "127.0.0.18", activator)} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ingress, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", "127.0.0.17") // as if it were our own activator
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if got := <-seen; got != netip.MustParseAddr("127.0.0.99") {
			t.Errorf("%s: the address is %s", name, got)
		}
	}
}
