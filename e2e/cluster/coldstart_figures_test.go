//go:build cluster

package cluster

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	rounds   = 5
	bearable = 1.15 // of hello's cold start, by the medians
)

// BenchmarkColdStart measures how long the first byte takes from each function without a pod, and from hello, the least that a Knative Service
// can be, in the same run. A function's first byte is that of its readiness, which it answers once it has opened all that it needs.
func BenchmarkColdStart(b *testing.B) {
	client := inside(b)
	hello(b)
	starts := map[string][]time.Duration{}
	all := append([]string{"hello"}, names()...)
	await(b, "each function has started from zero so many times", 30*time.Minute, func() (string, bool) {
		up := services(b)
		for _, i := range rand.Perm(len(all)) { // what starts right after others starts slower
			name := all[i]
			enough := name == "infer" && len(starts[name]) == rounds // it keeps api-keys up
			if !up[name] && !enough {
				starts[name] = append(starts[name], coldStart(b, client, name))
			}
		}
		time.Sleep(time.Second)
		return fmt.Sprint(starts), !slices.ContainsFunc(all, func(name string) bool { return len(starts[name]) < rounds })
	})

	peer := median(starts["hello"])
	table := newTable("function", "starts", "first byte from zero", "least", "most", "beside hello")
	for _, name := range all {
		ms := func(q float64) time.Duration { return quantile(starts[name], q).Round(time.Millisecond) }
		beside := median(starts[name]).Seconds() / peer.Seconds()
		table.row(name, len(starts[name]), ms(0.5), ms(0), ms(1), fmt.Sprintf("%.2f", beside))
		if beside > bearable {
			b.Errorf("%s starts in %.2f of hello's time, want %.2f or less", name, beside, bearable)
		}
		b.ReportMetric(median(starts[name]).Seconds()*1000, name+"-ms")
	}
	table.print()
	b.ReportMetric(0, "ns/op")
}

// coldStart asks a function that has no pod. What infer asks at its own start is up before: the time would be the sum of both.
func coldStart(b *testing.B, client *http.Client, name string) time.Duration {
	b.Helper()
	if name == "infer" {
		firstByte(b, client, local("api-keys"))
	}
	address := local(name)
	if name == "hello" {
		address = "http://hello." + ours + ".svc.cluster.local"
	}
	return firstByte(b, client, address)
}

func firstByte(b *testing.B, client *http.Client, address string) time.Duration {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address+"/health/readiness", http.NoBody)
	e2etest.Must(b, err)
	began := time.Now()
	answer, err := client.Do(request)
	took := time.Since(began)
	e2etest.Must(b, err)
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		b.Fatalf("%s: %s: %s", address, answer.Status, text)
	}
	return took
}

// services returns the names of the Knative Services that have a pod.
func services(b *testing.B) map[string]bool {
	b.Helper()
	up := map[string]bool{}
	for _, p := range append(pods(b, functions, "serving.knative.dev/service"), pods(b, ours, "serving.knative.dev/service")...) {
		up[p.service()] = true
	}
	return up
}

// hello deploys the peer of the functions' cold starts.
func hello(b *testing.B) {
	b.Helper()
	apply(b, fmt.Sprintf(`
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: hello
  namespace: %s
  labels: {networking.knative.dev/visibility: cluster-local}
spec:
  template:
    spec:
      enableServiceLinks: false
      containers:
      - image: %s
        resources: {requests: {cpu: 25m, memory: 32Mi}}
        securityContext: %s
`, ours, image(b, "hello"), restricted))
	kubectl(b, "wait", "services.serving.knative.dev/hello", "--namespace", ours, "--for=condition=Ready", "--timeout=60s")
}
