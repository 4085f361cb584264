package httpapi

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// parameters are the query parameters that a route knows, and whether each may be repeated. Routes of Handle have those of their request's
// fields tagged query; routes of Stream and Mount have none.
type parameters map[string]bool

// check notes in s the parameters of a request's query that p does not have, and those that are given more than once though p takes one. A
// query that cannot be parsed is noted too.
func (p parameters) check(s *strict, r *http.Request) {
	if r.URL.RawQuery == "" {
		return
	}
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.note("query", "is not well-formed (application/x-www-form-urlencoded)")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch many, known := p[name]; {
		case !known:
			s.note(join("", name), "is not a known query parameter")
		case len(given[name]) > 1 && !many:
			s.note(name, "is given more than once")
		}
	}
}

// checkNoQuery fails with Invalid if a request has a query.
func checkNoQuery(r *http.Request) error {
	var s strict
	parameters{}.check(&s, r)
	return s.fault()
}
