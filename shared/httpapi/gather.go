package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// Public returns one handler for the routes of many functions that may be called from outside. functions has the handlers by name; routes of
// functions that it lacks are not found.
func Public(functions map[string]http.Handler) http.Handler {
	return gather(Routes(), functions, func(route Route) (string, bool) { return route.Pattern, !route.Events })
}

// Internal returns one handler for the routes of many functions that belong to the events' listener. functions has the handlers by name. A
// function that events start is at POST /<function>.
func Internal(functions map[string]http.Handler) http.Handler {
	return gather(Routes(), functions, func(route Route) (string, bool) {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if path == anything {
			path += route.Function
		}
		return method + " " + path, route.Events || route.Gateway
	})
}

// gather returns a handler for those routes of the table for which at returns true, at the pattern that it returns.
func gather(table []Route, functions map[string]http.Handler, at func(Route) (pattern string, here bool)) http.Handler {
	mux := newRouter()
	for _, route := range table {
		function, ok := functions[route.Function]
		pattern, here := at(route)
		switch {
		case !ok || !here:
		case pattern == route.Pattern:
			mux.Handle(pattern, function)
		default:
			mux.Handle(pattern, atRoot(function))
		}
	}
	return mux
}

const anything = "/"

// atRoot returns a handler that passes requests on to the function with the path "/", which is its own server's route. An empty path would be
// redirected.
func atRoot(function http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		moved, address := *r, *r.URL
		address.Path, address.RawPath = anything, ""
		moved.URL = &address
		function.ServeHTTP(w, &moved)
	})
}

// miss answers a request that no route matches: 404, UNIMPLEMENTED to a gRPC client, or 405 with the methods that the
// path has.
func miss(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	w, r = telemetry.Begin(w, r)
	allowed := allowedMethods(mux, r)
	if len(allowed) == 0 && isGRPC(r) {
		respondUnimplemented(w, r)
		return
	}
	if len(allowed) == 0 {
		respondError(w, r, fault.New(fault.NotFound, "There is nothing at this address."))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeMethodNotAllowed(w, r)
}

// allowedMethods returns the methods for which the mux has a route with the request's path.
func allowedMethods(mux *http.ServeMux, r *http.Request) []string {
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	return slices.DeleteFunc(methods, func(method string) bool {
		_, pattern := mux.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL})
		return pattern == anything
	})
}
