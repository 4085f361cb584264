package functiontest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// Declared returns a transport over next that fails the test if an answer has a kind of error that its route does not declare
// (httpapi.Route.Kinds). functions names those that answer at servers of their own; with none the transport is for the public listener of all
// functions. It does not read gRPC's trailers.
func Declared(t testing.TB, next http.RoundTripper, functions ...string) http.RoundTripper {
	d := declared{t: t, next: next, table: map[string]httpapi.Route{}}
	echo := map[string]http.Handler{}
	for _, route := range httpapi.Routes() {
		if len(functions) > 0 && !slices.Contains(functions, route.Function) {
			continue
		}
		d.table[route.Pattern] = route
		echo[route.Function] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Pattern", r.Pattern) })
	}
	d.routers = []http.Handler{httpapi.Public(echo)}
	if len(functions) > 0 {
		d.routers = append(d.routers, httpapi.Internal(echo))
	}
	return d
}

type declared struct {
	t       testing.TB
	next    http.RoundTripper
	table   map[string]httpapi.Route // by their patterns
	routers []http.Handler           // they answer with the pattern of the route
}

// RoundTrip implements http.RoundTripper. It fails the test for a kind of error that the route does not declare.
func (d declared) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	kind, err := kindOf(response)
	if err != nil || kind == "" {
		return response, err
	}
	if route, ok := d.routeOf(r); ok && !route.Declares(kind) {
		d.t.Errorf("%s is answered with %s, which it does not declare: add it to the route's Faults in shared/httpapi/routes.go, or answer otherwise",
			route.Pattern, kind)
	}
	return response, nil
}

// CloseIdleConnections closes the idle connections of the transport behind it.
func (d declared) CloseIdleConnections() { (&http.Client{Transport: d.next}).CloseIdleConnections() }

// routeOf returns the route that answers the request. It reports false if none does.
func (d declared) routeOf(r *http.Request) (httpapi.Route, bool) {
	for _, router := range d.routers {
		to, probe := httptest.NewRecorder(), r.Clone(r.Context())
		probe.Body = http.NoBody
		router.ServeHTTP(to, probe)
		if route, ok := d.table[to.Header().Get("Pattern")]; ok {
			return route, true
		}
	}
	return httpapi.Route{}, false
}

// kindOf returns the kind of error in a response, "" if it is no error. The response's body can still be read.
func kindOf(response *http.Response) (fault.Kind, error) {
	if response.Header.Get("Content-Type") != problemType {
		return kindIn(response.Header, nil), nil
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // only read from
	response.Body = io.NopCloser(bytes.NewReader(body))
	return kindIn(response.Header, body), err
}

const problemType = "application/problem+json"

// kindIn returns the kind of error in the headers or the body of a response, "" if it is no error.
func kindIn(h http.Header, body []byte) fault.Kind {
	if name := h.Get(fault.KindHeader); name != "" {
		return fault.Kind(name)
	}
	var problem httpapi.Problem
	if h.Get("Content-Type") != problemType || json.Unmarshal(body, &problem) != nil { // the body of an answer to HEAD is empty
		return ""
	}
	name, ok := strings.CutPrefix(problem.Type, httpapi.ProblemType)
	if !ok { // about:blank
		return ""
	}
	return fault.Kind(name)
}

// Kind returns the kind of the error that the server answered with, "" if the answer is not an error.
func (a Answer) Kind() fault.Kind { return kindIn(a.Header, a.Body) }
