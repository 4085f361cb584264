//go:build cluster

package cluster

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// kubectl returns what it wrote. It may be called in a cleanup.
func kubectl(t testing.TB, arguments ...string) string {
	t.Helper()
	return e2etest.Kubectl(t, arguments...)
}

// apply makes, or changes, what the text in YAML or JSON says.
func apply(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := e2etest.TryKubectl(ctx, text, "apply", "--filename", "-")
	e2etest.Must(t, err)
}

// read gives resources as they are now.
func read(t testing.TB, into any, arguments ...string) {
	t.Helper()
	e2etest.Must(t, json.Unmarshal([]byte(kubectl(t, append([]string{"get", "--output", "json"}, arguments...)...)), into))
}

// raw gives what the API server answers for a path.
func raw(t testing.TB, into any, path string) {
	t.Helper()
	e2etest.Must(t, json.Unmarshal([]byte(kubectl(t, "get", "--raw", path)), into))
}

// pod is as much of a pod as the tests look at.
type pod struct {
	Metadata struct {
		Name   string
		Labels map[string]string
	}
}

// String returns the pod's name.
func (p pod) String() string { return p.Metadata.Name }

// service returns the name of the Knative Service that the pod is of.
func (p pod) service() string { return p.Metadata.Labels["serving.knative.dev/service"] }

// pods returns those of a namespace that fit a selector, those included that are about to end.
func pods(t testing.TB, namespace, selector string) []pod {
	t.Helper()
	var list struct{ Items []pod }
	read(t, &list, "pods", "--namespace", namespace, "--selector", selector)
	return list.Items
}

// of selects the pods of a function.
func of(function string) string { return "serving.knative.dev/service=" + function }

// kill ends pods at once, as the loss of their node does.
func kill(t testing.TB, namespace, selector string) {
	t.Helper()
	t.Log(strings.TrimSpace(kubectl(t, "delete", "pods", "--namespace", namespace, "--selector", selector, "--force", "--grace-period=0", "--wait=false")))
}

// await looks until it sees what is awaited. what it saw last is told if it does not.
func await(t testing.TB, what string, patience time.Duration, look func() (seen string, there bool)) {
	t.Helper()
	began := time.Now()
	for {
		seen, there := look()
		if there {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("not within %s: %s; there is %s", patience, what, seen)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// show logs the state of the cluster if the test has failed.
func show(t testing.TB) {
	if !t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, look := range [][]string{
		{"get", "pods", "--namespace", functions},
		{"get", "pods", "--namespace", models},
		{"get", "pods", "--namespace", "knative-eventing"},
		{"get", "services.serving.knative.dev", "--namespace", functions},
		{"get", "inferenceservices.serving.kserve.io", "--namespace", models},
		{"get", "events", "--namespace", functions, "--field-selector=type=Warning", "--sort-by=.lastTimestamp"},
		{"get", "events", "--namespace", models, "--field-selector=type=Warning", "--sort-by=.lastTimestamp"},
		{"logs", "--namespace", functions, "--selector=serving.knative.dev/service", "--container=user-container", "--tail=20", "--prefix"},
		{"logs", "--namespace", models, "--selector=component=predictor", "--container=storage-initializer", "--tail=5", "--prefix"},
		{"logs", "--namespace", models, "--selector=component=predictor", "--container=kserve-container", "--tail=20", "--prefix"},
	} {
		out, err := e2etest.TryKubectl(ctx, "", look...)
		if err != nil {
			out = err.Error()
		}
		t.Logf("kubectl %s:\n%s", strings.Join(look, " "), end(out, 6<<10))
	}
}

// end returns the last bytes of a text.
func end(text string, most int) string { return text[max(0, len(text)-most):] }
