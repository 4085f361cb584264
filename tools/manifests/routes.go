package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// route is the HTTPRoute of a function.
type route struct {
	Function string
	Matches  []match
	Timeout  time.Duration // for a whole exchange
}

// match is one of the addresses that a function answers.
type match struct {
	Kind   string // of Gateway API: Exact, RegularExpression or PathPrefix
	Path   string
	Method string // "" is any: the function itself knows best what to answer to the others
}

// fallback answers what is no route of any function, with a problem or gRPC's UNIMPLEMENTED. It needs HTTP/2 for that, and has no route that must not be
// reached from outside: such routes end here as well. It has the paths of the doors that have no function yet, too.
const fallback = "infer"

// patience is what the gateway waits beyond a function's own limit, for its start from zero.
const patience = 15 * time.Second

// routes returns the HTTPRoutes of all functions that are reached from outside, by name. Routes of API are matched one by one. A door of another protocol is
// matched by its prefix alone, and so belongs to a single function; routes fails if the table gives it to several.
//
// Gateway API lets an exact path win over all others, and the longest of the prefixes. Where a regular expression stands is the ingress's choice: Traefik
// ranks expressions and prefixes by their length, others let expressions win. By either rule a door's prefix never takes a path from an expression of API's,
// which contains it and is longer. An expression for /{t}/{m}/resolve would: it is longer than the one for /v1/models/{t}/{m}, and both match
// /v1/models/resolve/x.
func routes(table []httpapi.Route, services map[string]service) ([]route, error) {
	owners, err := doorOwners(table)
	if err != nil {
		return nil, err
	}
	matches := map[string][]match{}
	for path, functions := range pathOwners(table) {
		for function, methods := range functions {
			if len(functions) == 1 {
				methods = []string{""}
			}
			matches[function] = append(matches[function], matchesOf(path, methods)...)
		}
	}
	for _, prefix := range prefixes(table) {
		function := owners[httpapi.DoorOf(prefix+"/")]
		matches[function] = append(matches[function], match{Kind: "PathPrefix", Path: prefix})
	}
	console, hub := owners[httpapi.Console], owners[httpapi.Hub]
	matches[console] = append(matches[console], match{Kind: "Exact", Path: "/"})
	matches[hub] = append(matches[hub], match{Kind: "PathPrefix", Path: "/"}) // what no other match has

	var all []route
	for _, function := range slices.Sorted(maps.Keys(matches)) {
		slices.SortFunc(matches[function], func(a, b match) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		limit := time.Duration(services[function].Spec.Template.Spec.TimeoutSeconds) * time.Second
		all = append(all, route{function, matches[function], limit + patience})
	}
	return all, nil
}

// doorOwners returns the function that answers the paths of each door; for API those without a route. It is fallback for a door without a
// function. It fails if the routes give a door to several functions.
func doorOwners(table []httpapi.Route) (map[httpapi.Door]string, error) {
	owners := map[httpapi.Door]string{
		httpapi.API: fallback, httpapi.OCI: fallback, httpapi.Hub: fallback, httpapi.Console: fallback,
	}
	for _, r := range table {
		door := r.Door()
		if r.Events || door == httpapi.API || owners[door] == r.Function {
			continue
		}
		if owners[door] != fallback {
			return nil, fmt.Errorf("%s of %s is at the door of %s: on a cluster a door is one function", r.Pattern, r.Function, owners[door])
		}
		owners[door] = r.Function
	}
	return owners, nil
}

// prefixes returns the path prefixes by which the gateways route, sorted: those of the reserved segments, below / and
// /v2/, and the names of the gRPC services.
func prefixes(table []httpapi.Route) []string {
	var all []string
	for _, segment := range ref.FirstSegments() {
		all = append(all, "/"+segment)
	}
	for _, segment := range ref.InferenceSegments() {
		all = append(all, "/v2/"+segment)
	}
	for _, r := range table {
		_, path, _ := strings.Cut(r.Pattern, " ")
		if service, _, ok := strings.Cut(path[1:], "/"); ok && strings.Contains(service, ".") {
			all = append(all, "/"+service)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// pathOwners returns API's paths, each with the functions that answer there and the methods of each. A path with wildcards is a regular
// expression.
func pathOwners(table []httpapi.Route) map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for _, r := range table {
		if r.Events || r.Door() != httpapi.API {
			continue
		}
		method, path, _ := strings.Cut(r.Pattern, " ")
		path = expression(path)
		if all[path] == nil {
			all[path] = map[string][]string{}
		}
		all[path][r.Function] = append(all[path][r.Function], method)
	}
	return all
}

// matchesOf returns a match of the path for each method; "" stands for any. GET brings HEAD along.
func matchesOf(path string, methods []string) []match {
	kind := "Exact"
	if strings.HasPrefix(path, "^") {
		kind = "RegularExpression"
	}
	var all []match
	for _, method := range methods {
		all = append(all, match{kind, path, method})
		if method == http.MethodGet {
			all = append(all, match{kind, path, http.MethodHead})
		}
	}
	return all
}

var wildcard = regexp.MustCompile(`\{\w+(\.\.\.)?\}`)

// expression returns a pattern's path as a regular expression, or as it is if it has no wildcards.
func expression(path string) string {
	if !wildcard.MatchString(path) {
		return path
	}
	expression := wildcard.ReplaceAllStringFunc(path, func(found string) string {
		if strings.HasSuffix(found, "...}") {
			return ".*"
		}
		return "[^/]+"
	})
	return "^" + expression + "$"
}
