//go:build cluster

package cluster

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// brokerIngress is where the functions post their events (K_SINK).
const brokerIngress = "http://broker-ingress.knative-eventing.svc.cluster.local/maas/maas"

// local returns the address that a function has inside the cluster.
func local(function string) string {
	return "http://" + function + "." + functions + ".svc.cluster.local"
}

// restricted is the securityContext that the Pod Security Standard "restricted" asks for.
const restricted = `{runAsNonRoot: true, runAsUser: 65532, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}`

// inside returns a client that asks from a pod of the cluster.
func inside(t testing.TB) *http.Client {
	t.Helper()
	apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: inside, namespace: %[1]s}
spec:
  selector: {matchLabels: {app: inside}}
  template:
    metadata: {labels: {app: inside}}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: inside
        image: %[2]s
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        resources: {requests: {cpu: 10m, memory: 16Mi}}
        securityContext: %[3]s
`, ours, image(t, "inside"), restricted))
	kubectl(t, "rollout", "status", "deployment/inside", "--namespace", ours, "--timeout=60s")
	proxy, err := url.Parse("http://" + forward(t, ours, "deployment/inside", 8080))
	e2etest.Must(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}

// image builds one of the programs below this folder, and gives where the cluster gets it: from where it gets the functions' images.
func image(t testing.TB, program string) string {
	t.Helper()
	models := kubectl(t, "get", "services.serving.knative.dev/models", "--namespace", functions, "--output=jsonpath={.spec.template.spec.containers[0].image}")
	registry, _, _ := strings.Cut(models, "/models@")
	cmd := exec.CommandContext(t.Context(), "tools/images", "e2e/cluster/"+program)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "KO_DOCKER_REPO="+registry)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tools/images %s: %v\n%s", program, err, wrong.String())
	}
	_, image, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return image
}

// forward returns an address of this machine that leads to a port of the cluster, for as long as the test runs or until a pod there is killed.
func forward(t testing.TB, namespace, target string, port int) (address string) {
	t.Helper()
	await(t, target+" can be reached", time.Minute, func() (string, bool) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, "kubectl", "port-forward", "--namespace", namespace, target, fmt.Sprintf(":%d", port))
		var log e2etest.Log
		cmd.Stderr = &log
		out, err := cmd.StdoutPipe()
		e2etest.Must(t, err)
		e2etest.Must(t, cmd.Start())
		t.Cleanup(func() { cancel(); _ = cmd.Wait() })
		line, _ := bufio.NewReader(out).ReadString('\n') // ends with the process
		var found bool
		address, _, found = strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " -> ")
		return log.String(), found
	})
	return address
}
