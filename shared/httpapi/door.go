package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// Door is one of the protocols that share an origin. A request's path decides which door it belongs to before routes are compared, and each door has an
// http.ServeMux of its own: in a single one "/{t}/{m}/resolve/{rev}/{path...}" conflicts with "/v1/models/{t}/{m}/versions".
type Door int

const (
	// API has the paths that begin with a reserved segment (ref.IsFirstSegment) or with one that has a dot, as names of gRPC services do.
	API Door = iota
	// OCI has /v2/ and what is below it, except /v2/models and /v2/health, which are the inference protocol's.
	OCI
	// Hub has all other paths. They begin with the names of a tenant and a model.
	Hub
	// Console has / itself, and what is below /ui.
	Console

	doors // how many there are
)

// DoorOf returns the door of a path, which is escaped as url.URL.EscapedPath gives it. It reads the path as http.ServeMux does: empty and dot segments are
// resolved, and each segment is unescaped on its own. So /x/..//%761/models belongs to API, but /v1%2Fmodels, whose one segment is "v1/models", does not.
func DoorOf(path string) Door {
	first, rest, more := strings.Cut(clean(path)[1:], "/")
	first = unescape(first)
	switch {
	case first == "ui" || first == "" && !more:
		return Console
	case first == "v2" && more:
		second, _, _ := strings.Cut(rest, "/")
		if ref.IsInferenceSegment(unescape(second)) {
			return API
		}
		return OCI
	case ref.IsFirstSegment(first) || strings.Contains(first, "."):
		return API
	default:
		return Hub
	}
}

// clean returns the path with empty and dot segments resolved as http.ServeMux does it. The result begins with a slash.
func clean(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p
	}
	cleaned := path.Clean(p)
	if strings.HasSuffix(p, "/") && cleaned != "/" {
		cleaned += "/"
	}
	return cleaned
}

// unescape returns the segment unescaped, or as it is if it is not escaped correctly.
func unescape(segment string) string {
	if plain, err := url.PathUnescape(segment); err == nil {
		return plain
	}
	return segment
}

// Door returns the door of the requests that the route's pattern matches. A route of all paths, as event functions have it, is at every door; Door returns
// Console for it.
func (r Route) Door() Door {
	_, path, _ := strings.Cut(r.Pattern, " ")
	return doorOfPattern(path)
}

// A wildcard stands for any name that is not reserved: its own text, without the dots, is one.
var plainWildcards = strings.NewReplacer("{$}", "", "...}", "}")

// doorOfPattern returns the door of the requests that a pattern's path matches. A wildcard counts as a name that is not reserved.
func doorOfPattern(path string) Door { return DoorOf(plainWildcards.Replace(path)) }

// router has an http.ServeMux for each door. They answer what they do not know with problems.
type router [doors]*http.ServeMux

// newRouter returns a router without routes, which answers every request with a problem: 404 or 405.
func newRouter() router {
	var r router
	for door := range r {
		mux := http.NewServeMux()
		mux.HandleFunc(anything, func(w http.ResponseWriter, r *http.Request) { miss(mux, w, r) })
		r[door] = mux
	}
	return r
}

// Handle registers the handler for a pattern of http.ServeMux that begins with a method. It panics if the pattern conflicts with another of the same door.
func (r router) Handle(pattern string, handler http.Handler) {
	_, path, _ := strings.Cut(pattern, " ")
	if path != anything {
		r[doorOfPattern(path)].Handle(pattern, handler)
		return
	}
	for _, mux := range r {
		mux.Handle(pattern, handler)
	}
}

// ServeHTTP implements http.Handler.
func (r router) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r[DoorOf(request.URL.EscapedPath())].ServeHTTP(w, request)
}
