//go:build cluster

package cluster

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// catchAll is an HTTPRoute that takes what no other route has, as the one of a door to come does: it is the prefix /, and one criterion more lets it win
// over the fallback's. That is a header which only its test sends, so that nobody else is routed by it. It leads to /version of the function models: no
// other path of the API has such an answer.
type catchAll struct{ header map[string]string }

const (
	catchAllName   = "catch-all-of-a-test"
	catchAllHeader = "X-Catch-All"
)

// startCatchAll returns the route once it is in effect.
func startCatchAll(t *testing.T) catchAll {
	t.Helper()
	var there struct {
		Spec struct {
			ParentRefs []any
			Rules      []struct{ BackendRefs []any }
		}
	}
	read(t, &there, "httproutes.gateway.networking.k8s.io", "models", "--namespace", functions)
	c := catchAll{map[string]string{catchAllHeader: rand.Text()}}
	rewrite := map[string]any{
		"hostname": "models." + functions + ".svc.cluster.local",
		"path":     map[string]any{"type": "ReplaceFullPath", "replaceFullPath": "/version"},
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1",
		"kind":       "HTTPRoute",
		"metadata":   map[string]any{"name": catchAllName, "namespace": functions},
		"spec": map[string]any{
			"parentRefs": there.Spec.ParentRefs,
			"rules": []any{map[string]any{
				"matches": []any{map[string]any{
					"path":    map[string]any{"type": "PathPrefix", "value": "/"},
					"headers": []any{map[string]any{"name": catchAllHeader, "value": c.header[catchAllHeader]}},
				}},
				"filters":     []any{map[string]any{"type": "URLRewrite", "urlRewrite": rewrite}},
				"backendRefs": there.Spec.Rules[0].BackendRefs,
			}},
		},
	})
	e2etest.Must(t, err)
	t.Cleanup(func() {
		kubectl(t, "delete", "httproutes.gateway.networking.k8s.io", catchAllName, "--namespace", functions, "--ignore-not-found")
	})
	apply(t, string(text))
	await(t, "the catch-all in effect", time.Minute, func() (string, bool) {
		answer, caught := c.ask(t, http.MethodGet, "/acme/fraud/resolve/main/model.onnx")
		return fmt.Sprintf("%d %s", answer.Status, answer.Body), caught
	})
	return c
}

// ask sends a request without a credential, and reports whether the catch-all has answered it.
func (c catchAll) ask(t *testing.T, method, path string) (answer functiontest.Answer, caught bool) {
	t.Helper()
	in := functiontest.Request{Method: method, Path: path, Header: c.header}
	if method != http.MethodGet {
		in.Body = "{}"
	}
	answer = e2etest.Visit(t, server()).Do(in)
	return answer, answer.Status == http.StatusOK && bytes.Contains(answer.Body, []byte(`"function":"models"`))
}

// TestRoutesWinOverACatchAll has the ingress choose between the HTTPRoutes of the functions and a door to come, whose paths begin with a tenant's name.
func TestRoutesWinOverACatchAll(t *testing.T) {
	t.Parallel()
	c := startCatchAll(t)

	for _, path := range []string{
		"/acme/fraud/resolve/main/onnx/model.onnx", "/acme/fraud.git/info/lfs/objects/batch", "/acme", "/v1x/fraud/resolve/main/x", "/v3/models", "/V1/models",
		"/models/acme/fraud",
	} {
		if answer, caught := c.ask(t, http.MethodGet, path); !caught {
			t.Errorf("%s does not reach the catch-all: %d %s", path, answer.Status, answer.Body)
		}
	}
	for _, path := range []string{
		"/", "/ui/", "/v1", "/v1/", "/v1/fraud/resolve/main/model.onnx", "/v2/", "/v2/models", "/v2/acme/fraud/manifests/latest", "/api/unknown", "/mcp/unknown",
		"/%761/fraud/resolve/main/x", "/openai/v1/unknown", "/maas.v1.ModelService/Unknown",
		"/maas.v1.IdentityService/VerifyKey", "/.well-known/unknown", "/schemas/x",
	} {
		if answer, _ := c.ask(t, http.MethodPost, path); answer.Status != http.StatusNotFound {
			t.Errorf("%s is answered %d: %s", path, answer.Status, answer.Body)
		}
	}
	for function, routes := range publicRoutes() {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			for _, route := range routes {
				c.assertPasses(t, route)
			}
		})
	}
}

func publicRoutes() map[string][]httpapi.Route {
	all := map[string][]httpapi.Route{}
	for _, route := range httpapi.Routes() {
		if !route.Events {
			all[route.Function] = append(all[route.Function], route)
		}
	}
	return all
}

// assertPasses asks a route about a tenant whose name a door has in its own paths. Its function has the route, so it refuses the caller or the body: any
// other function would answer 404 or 405.
func (c catchAll) assertPasses(t *testing.T, route httpapi.Route) {
	t.Helper()
	method, path, _ := strings.Cut(route.Pattern, " ")
	path = regexp.MustCompile(`\{[\w.]+\}`).ReplaceAllString(strings.ReplaceAll(path, "{t}", "resolve"), "x")
	answer, caught := c.ask(t, method, path)
	if caught || answer.Status == http.StatusNotFound || answer.Status == http.StatusMethodNotAllowed || answer.Status >= http.StatusInternalServerError {
		t.Errorf("%s %s does not reach %s: %d %s", method, path, route.Function, answer.Status, answer.Body)
	}
}
