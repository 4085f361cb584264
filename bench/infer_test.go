package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/cachetest"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/resolvertest"
)

const path = "/v2/models/acme/adder/infer"

// questionText is a request of some 1,100 bytes.
var questionText = `{"inputs":[{"name":"x","datatype":"FP32","shape":[150],"data":[` + strings.TrimSuffix(strings.Repeat("0.0625,", 150), ",") + `]}]}`

// gateway starts infer before a model, authenticated, metered and traced as everywhere, and returns it as a target.
func gateway(b *testing.B, model string, change func(*maasv1.ResolveResponse)) *target {
	b.Helper()
	r := resolvertest.New(b)
	r.Change(r.Ready("adder", "1.0.0", model), change)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	b.Cleanup(sink.Close)
	address := freeAddress(b)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"=infer", "LISTEN_ADDRESS="+address, "METRICS_ADDRESS=off", "MAAS_METER_URL="+sink.URL,
		"REDIS_URL="+cachetest.New(b).URL, "GOMEMLIMIT=920MiB") // as on a cluster: garbage may wait
	for name, value := range r.Vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	go func() { // ends with infer, which writes nothing
		start(b, cmd)
	}()
	awaitReady(b, "http://"+address+"/v2/health/ready")
	return &target{name: "maas", address: address, request: request(path, questionText, "Authorization", "Bearer "+r.TokenOf(r.Owner()))}
}

func bare(address, name string) *target {
	return &target{name: name, address: strings.TrimPrefix(address, "http://"), request: request(path, questionText)}
}

// BenchmarkKeptAnswer is a call whose answer is kept, beside net/http and nginx answering the same bytes.
func BenchmarkKeptAnswer(b *testing.B) {
	model := plain(b)
	targets := []*target{
		gateway(b, model, func(r *maasv1.ResolveResponse) { r.Deterministic = true }),
		bare(plain(b), "net/http"),
	}
	location := fmt.Sprintf(`location / { default_type application/json; return 200 '%s'; }`, answerText)
	if address, there := nginx(b, "", location); there {
		targets = append(targets, bare(address, "nginx"))
	}
	for b.Loop() {
		compare(b, 16, targets...)
	}
}

// BenchmarkProxied is a call of a model that answers at once, beside nginx proxying to it.
func BenchmarkProxied(b *testing.B) {
	for _, connections := range []int{1, 16} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			model := plain(b)
			targets := []*target{gateway(b, model, func(*maasv1.ResolveResponse) {})}
			upstream := fmt.Sprintf(`upstream model { server %s; keepalive 64; keepalive_requests 1000000; }`, strings.TrimPrefix(model, "http://"))
			const location = `location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; }`
			if address, there := nginx(b, upstream, location); there {
				targets = append(targets, bare(address, "nginx"))
			}
			for b.Loop() {
				compare(b, connections, targets...)
			}
		})
	}
}
