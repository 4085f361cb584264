package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/httpapi"
)

// ranking says how an ingress ranks a match, by the higher number.
type ranking struct {
	ingress string
	rank    func(match) int
}

func rankings() []ranking {
	return []ranking{
		{"Traefik", func(m match) int { // kubernetes/gateway, buildMatchRule
			path := map[string]int{"Exact": 100_000, "RegularExpression": 10_000 + 100*len(m.Path), "PathPrefix": 10_000 + 100*len(m.Path)}[m.Kind]
			if m.Kind == "PathPrefix" && m.Path == "/" {
				path = 1
			}
			return path + 1000*min(len(m.Method), 1)
		}},
		{"one that lets expressions win over prefixes", func(m match) int {
			return map[string]int{"Exact": 300_000, "RegularExpression": 200_000, "PathPrefix": 100_000}[m.Kind] + 10*len(m.Path) + min(len(m.Method), 1)
		}},
	}
}

// owner returns the function that an ingress sends a request to. That another function's match ranks the same is an error.
func owner(t *testing.T, r ranking, all []route, method, path string) string {
	t.Helper()
	best, function := 0, ""
	for _, one := range all {
		for _, m := range one.Matches {
			if !m.matches(method, path) {
				continue
			}
			rank := r.rank(m)
			if rank == best && function != one.Function {
				t.Errorf("%s: %s %s goes to %s as well as to %s", r.ingress, method, path, function, one.Function)
			}
			if rank > best {
				best, function = rank, one.Function
			}
		}
	}
	return function
}

func (m match) matches(method, path string) bool {
	return (m.Method == "" || m.Method == method) && map[string]bool{
		"Exact":             m.Path == path,
		"RegularExpression": m.Kind == "RegularExpression" && regexp.MustCompile(m.Path).MatchString(path),
		"PathPrefix":        strings.HasPrefix(path+"/", strings.TrimSuffix(m.Path, "/")+"/"), // whole segments
	}[m.Kind]
}

// routed returns the HTTPRoutes of a table.
func routed(t *testing.T, table []httpapi.Route) []route {
	t.Helper()
	all, err := routes(table, services(t))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// comingRoutes are of doors that have no function yet.
func comingRoutes() []httpapi.Route {
	return []httpapi.Route{
		{Pattern: "GET /{t}/{m}/resolve/{rev}/{path...}", Function: "hub"},
		{Pattern: "GET /{t}/{m}/{rest...}", Function: "hub"},
		{Pattern: "GET /api/models/{id...}", Function: "hub"},
		{Pattern: "GET /v2/{$}", Function: "oci"},
		{Pattern: "GET /v2/{t}/{m}/manifests/{ref}", Function: "oci"},
		{Pattern: "GET /{$}", Function: "console"},
		{Pattern: "GET /ui/{page...}", Function: "console"},
	}
}

func TestTheGatewayFindsTheFunctionOfEachRoute(t *testing.T) {
	t.Parallel()
	for _, table := range [][]httpapi.Route{httpapi.Routes(), append(httpapi.Routes(), comingRoutes()...)} {
		all := routed(t, table)
		for _, ranking := range rankings() {
			for _, r := range table {
				assertFound(t, ranking, all, r)
			}
		}
	}
}

func assertFound(t *testing.T, by ranking, all []route, r httpapi.Route) {
	t.Helper()
	fill := strings.NewReplacer("{path...}", "a/b.onnx", "{ref}", "1.4.0", "{v}", "1.4.0", "{range}", "1.0.0...1.4.0", "{t}", "acme", "{m}", "fraud", "{$}", "")
	method, path, _ := strings.Cut(fill.Replace(r.Pattern), " ")
	path = wildcard.ReplaceAllString(path, "x")
	got := owner(t, by, all, method, path)
	switch {
	case r.Events && got == r.Function, r.Events && path != "/" && got != fallback:
		t.Errorf("%s: %s of %s can be reached from outside: it goes to %s", by.ingress, r.Pattern, r.Function, got)
	case !r.Events && got != r.Function:
		t.Errorf("%s: %s goes to %s, want %s", by.ingress, r.Pattern, got, r.Function)
	}
	if method == http.MethodGet && owner(t, by, all, http.MethodHead, path) != r.Function {
		t.Errorf("%s: HEAD %s goes elsewhere than GET", by.ingress, path)
	}
}

func TestWhatNobodyHasGoesToTheFallback(t *testing.T) {
	t.Parallel()
	all := routed(t, httpapi.Routes())
	for _, by := range rankings() {
		for _, path := range []string{"/", "/nothing", "/v1/models/acme", "/v1/uploads/x/y/z", "/v3", "/v2/", "/ui/", "/acme/fraud/resolve/main/model.onnx"} {
			if got := owner(t, by, all, http.MethodGet, path); got != fallback {
				t.Errorf("%s: %s goes to %s", by.ingress, path, got)
			}
		}
		if got := owner(t, by, all, http.MethodPut, "/v1/api-keys"); got != "api-keys" {
			t.Errorf("a method that a path does not have goes to %s: its function knows which it has", got)
		}
	}
}

func TestReservedPrefixesWinOverTheDoorsOfOthers(t *testing.T) {
	t.Parallel()
	all := routed(t, append(httpapi.Routes(), comingRoutes()...))
	for path, want := range map[string]string{
		"/v1/models/resolve/x":                     "models", // a model of a tenant called resolve
		"/v1/uploads/resolve/main/x":               fallback,
		"/v1/fraud/resolve/main/model.onnx":        fallback,
		"/openai/m/resolve/main/x":                 fallback,
		"/v2/models/acme/manifests/latest":         fallback,
		"/v2/health":                               fallback,
		"/v2":                                      fallback,
		"/maas.v1.IdentityService/resolve":         fallback,
		"/maas.v1.ModelService/GetModel":           "models",
		"/v2/":                                     "oci",
		"/v2/acme/fraud/blobs/uploads":             "oci",
		"/v1x/fraud/resolve/main/model.onnx":       "hub",
		"/acme/fraud.git/info/lfs/objects/batch":   "hub",
		"/models":                                  "hub",
		"/api/models/acme/fraud":                   "hub",
		"/api/2.0/mlflow/registered-models/create": fallback,
		"/":             "console",
		"/ui":           "console",
		"/ui/models/v1": "console",
	} {
		for _, by := range rankings() {
			if got := owner(t, by, all, http.MethodGet, path); got != want {
				t.Errorf("%s: %s goes to %s, want %s", by.ingress, path, got, want)
			}
		}
	}
}

func TestADoorIsOneFunction(t *testing.T) {
	t.Parallel()
	table := append(comingRoutes(), httpapi.Route{Pattern: "GET /{t}/{m}/raw/{path...}", Function: "raw"})
	if _, err := routes(table, services(t)); err == nil {
		t.Error("a door of two functions is routed")
	}
}

// TestRoutesKeepWithinGatewayAPI holds the number of matches to what the API server takes.
func TestRoutesKeepWithinGatewayAPI(t *testing.T) {
	t.Parallel()
	const most = 64 // HTTPRouteRule.matches, maxItems
	for _, r := range routed(t, append(httpapi.Routes(), comingRoutes()...)) {
		if len(r.Matches) > most {
			t.Errorf("%s has %d matches, more than %d", r.Function, len(r.Matches), most)
		}
	}
}
