package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/httpapi"
)

// owner gives the function that the gateway sends a request to, by the rules of Gateway API: an exact path first, then an expression with
// the method, then one without, then the prefix. Two that are as good are an error.
func owner(t *testing.T, all []route, method, path string) string {
	t.Helper()
	best, function := 0, ""
	for _, r := range all {
		for _, m := range r.Matches {
			rank := m.rank(method, path)
			if rank > 0 && rank == best && function != r.Function {
				t.Errorf("%s %s goes to %s as well as to %s", method, path, function, r.Function)
			}
			if rank > best {
				best, function = rank, r.Function
			}
		}
	}
	return function
}

func (m match) rank(method, path string) int {
	hit := map[string]bool{
		"Exact":             m.Path == path,
		"RegularExpression": m.Kind == "RegularExpression" && regexp.MustCompile(m.Path).MatchString(path),
		"PathPrefix":        strings.HasPrefix(path, m.Path),
	}[m.Kind]
	if !hit || m.Method != "" && m.Method != method {
		return 0
	}
	rank := map[string]int{"Exact": 5, "RegularExpression": 3, "PathPrefix": 1}[m.Kind]
	if m.Method != "" {
		rank++
	}
	return rank
}

func TestTheGatewayFindsTheFunctionOfEachRoute(t *testing.T) {
	t.Parallel()
	all := routes(services(t))
	fill := strings.NewReplacer("{path...}", "a/b.onnx", "{ref}", "1.4.0", "{v}", "1.4.0", "{range}", "1.0.0...1.4.0", "{t}", "acme", "{m}", "fraud")
	for _, r := range httpapi.Routes() {
		method, path, _ := strings.Cut(wildcard.ReplaceAllStringFunc(r.Pattern, fill.Replace), " ")
		path = wildcard.ReplaceAllString(path, "x")
		switch got := owner(t, all, method, path); {
		case r.Events && (got != fallback || got == r.Function):
			t.Errorf("%s of %s can be reached from outside: it goes to %s", r.Pattern, r.Function, got)
		case !r.Events && got != r.Function:
			t.Errorf("%s goes to %s, want %s", r.Pattern, got, r.Function)
		}
		if method == http.MethodGet && owner(t, all, http.MethodHead, path) != r.Function {
			t.Errorf("HEAD %s goes elsewhere than GET", path)
		}
	}
}

func TestWhatNobodyHasGoesToTheFallback(t *testing.T) {
	t.Parallel()
	all := routes(services(t))
	for _, path := range []string{"/", "/nothing", "/v1/models/acme", "/v1/uploads/x/y/z", "/v3"} {
		if got := owner(t, all, http.MethodGet, path); got != fallback {
			t.Errorf("%s goes to %s", path, got)
		}
	}
	if got := owner(t, all, http.MethodPut, "/v1/api-keys"); got != "api-keys" {
		t.Errorf("a method that a path does not have goes to %s: its function knows which it has", got)
	}
}
