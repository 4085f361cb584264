package main

import (
	"cmp"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

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
// reached from outside: such routes end here as well.
const fallback = "infer"

// patience is what the gateway waits beyond a function's own limit, for its start from zero.
const patience = 15 * time.Second

// routes gives the HTTPRoutes of all functions that are reached from outside, by name.
func routes(services map[string]service) []route {
	matches := map[string][]match{}
	for path, functions := range owners() {
		for function, methods := range functions {
			if len(functions) == 1 {
				methods = []string{""}
			}
			matches[function] = append(matches[function], matchesOf(path, methods)...)
		}
	}
	matches[fallback] = append(matches[fallback], match{Kind: "PathPrefix", Path: "/"})

	var all []route
	for _, function := range slices.Sorted(maps.Keys(matches)) {
		slices.SortFunc(matches[function], func(a, b match) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		limit := time.Duration(services[function].Spec.Template.Spec.TimeoutSeconds) * time.Second
		all = append(all, route{function, matches[function], limit + patience})
	}
	return all
}

// owners gives, by path, the functions that answer there, and the methods that each has.
func owners() map[string]map[string][]string {
	all := map[string]map[string][]string{}
	for _, r := range httpapi.Routes() {
		if r.Events {
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

// expression gives a pattern's path as a regular expression, or as it is if it has no wildcards.
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
