package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/httpserver"
)

func trust(t testing.TB, networks string) (p httpserver.Proxies) {
	t.Helper()
	if err := p.UnmarshalText([]byte(networks)); err != nil {
		t.Fatal(err)
	}
	return p
}

// from returns a request of the peer, with lines of X-Forwarded-For.
func from(peer string, lines ...string) *http.Request {
	return &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": lines}}
}

func TestTheAddressIsWhatTheOutermostOfOurProxiesSaw(t *testing.T) {
	t.Parallel()
	const queueProxy, ingress, activator = "127.0.0.1:40112", "10.244.0.1", "10.244.0.9"
	p := trust(t, "127.0.0.0/8,::1, 10.244.0.0/16")
	for name, c := range map[string]struct {
		request *http.Request
		want    string
	}{
		"no proxy":                       {from("203.0.113.7:5000"), "203.0.113.7"},
		"past the activator":             {from(queueProxy, "203.0.113.7, "+ingress), "203.0.113.7"},
		"by the activator":               {from(queueProxy, "203.0.113.7, "+ingress+", "+activator), "203.0.113.7"},
		"in several headers":             {from(queueProxy, "203.0.113.7", ingress, activator), "203.0.113.7"},
		"the client claims another":      {from(queueProxy, "198.51.100.1, 203.0.113.7,"+ingress), "203.0.113.7"},
		"the client claims to be ours":   {from(queueProxy, "10.244.0.1, 127.0.0.1, 203.0.113.7, "+ingress), "203.0.113.7"},
		"whoever comes past all proxies": {from("203.0.113.7:5000", "198.51.100.1, 10.244.0.1"), "203.0.113.7"},
		"a proxy that says nothing":      {from(queueProxy), "127.0.0.1"},
		"all are ours":                   {from(queueProxy, activator+", "+ingress), "10.244.0.9"},
		"no address":                     {from(queueProxy, "203.0.113.7, unknown, "+ingress), "10.244.0.1"},
		"an empty element":               {from(queueProxy, "203.0.113.7,, "+ingress), "10.244.0.1"},
		"an empty header":                {from(queueProxy, ""), "127.0.0.1"},
		"with a port":                    {from(queueProxy, "203.0.113.7:1234"), "203.0.113.7"},
		"IPv6":                           {from("[::1]:4000", "2001:db8::7"), "2001:db8::7"},
		"IPv6 with a port":               {from("[::1]:4000", "[2001:db8::7]:1234"), "2001:db8::7"},
		"IPv4 within IPv6":               {from("[::ffff:127.0.0.1]:4000", "::ffff:203.0.113.7"), "203.0.113.7"},
		"a zone":                         {from(queueProxy, "fe80::1%eth0"), "fe80::1"},
	} {
		if got := client(c.request, p); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: the address is %s, want %s", name, got, c.want)
		}
	}
}

func TestWithoutProxiesNobodyIsBelieved(t *testing.T) {
	t.Parallel()
	if got := client(from("127.0.0.1:4000", "203.0.113.7"), trust(t, "")); got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the address is %s", got)
	}
	if got := client(from("@", "203.0.113.7"), trust(t, "0.0.0.0/0")); got.IsValid() {
		t.Errorf("who came by a socket without an address has %s", got)
	}
}

func TestWhatIsNoNetworkIsNamed(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"10.244.0.0/33", "ingress", "10.244.0.0/16 127.0.0.1", "10.244/16"} {
		var p httpserver.Proxies
		if err := p.UnmarshalText([]byte("127.0.0.1," + bad)); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q gives %v", bad, err)
		}
	}
}

// FuzzClient: whatever the header holds, who is no proxy of ours has its connection's address, and who is has one at all.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{"", ",", " , ,", "203.0.113.7", "[::1]:1,fe80::1%eth0", "unknown", `for="[2001:db8::1]"`, strings.Repeat(",", 100)} {
		f.Add(seed, seed)
	}
	p := trust(f, "127.0.0.0/8")
	stranger := netip.MustParseAddr("203.0.113.7")
	f.Fuzz(func(t *testing.T, first, second string) {
		if got := client(from("203.0.113.7:1", first, second), p); got != stranger {
			t.Errorf("a stranger is taken for %s", got)
		}
		if got := client(from("127.0.0.1:1", first, second), p); !got.IsValid() || got.Zone() != "" {
			t.Errorf("the address is %s", got)
		}
	})
}
