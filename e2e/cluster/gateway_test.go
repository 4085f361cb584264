//go:build cluster

package cluster

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// TestWhatEventsStartIsNotReachedFromOutside asks for event functions and IdentityService in every way that leads to other functions.
func TestWhatEventsStartIsNotReachedFromOutside(t *testing.T) {
	t.Parallel()
	gateway := strings.TrimPrefix(server(), "http://")
	for _, route := range httpapi.Routes() {
		if !route.Events {
			continue
		}
		method, path, _ := strings.Cut(route.Pattern, " ")
		refused(t, method, path, gateway)
		refused(t, method, path, route.Function+"."+functions+".maas.local")
		refused(t, method, path, route.Function+"."+functions+".svc.cluster.local")
	}
}

// TestTheGatewayIsTheOneWayIn asks for the functions by the hosts that Knative would give them.
func TestTheGatewayIsTheOneWayIn(t *testing.T) {
	t.Parallel()
	for _, name := range names() {
		refused(t, http.MethodGet, "/health/readiness", name+"."+functions+".maas.local")
		refused(t, http.MethodGet, "/health/readiness", name+"."+functions+".svc.cluster.local")
	}
}

// names returns all functions.
func names() []string {
	var all []string
	for _, route := range httpapi.Routes() {
		if !slices.Contains(all, route.Function) {
			all = append(all, route.Function)
		}
	}
	return all
}

// refused expects 404 or 405 from the address of MaaS for a host.
func refused(t *testing.T, method, path, host string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server()+path, strings.NewReader("{}"))
	e2etest.Must(t, err)
	request.Host = host
	answer, err := http.DefaultClient.Do(request)
	e2etest.Must(t, err)
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusNotFound && answer.StatusCode != http.StatusMethodNotAllowed {
		text, _ := io.ReadAll(answer.Body)
		t.Errorf("%s %s of %s is answered %s: %s", method, path, host, answer.Status, text)
	}
}
