package host_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// The functions' own tests have what is particular to a route. These walk the table, so that no route can forget what holds for all.

func TestEachRouteNeedsACredential(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	for _, route := range public() {
		if route.Permission == api.Public || speaksConnect(route) {
			continue
		}
		t.Run(route.Pattern, func(t *testing.T) { w.API.AssertNeedsCredential(t, request(route, nothing)) })
	}
}

func TestEachRouteIsServed(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	token := w.Token(w.Owner)
	for _, route := range public() {
		if streams(route) {
			continue // it may never end; the table of permissions has it
		}
		in := request(route, nothing)
		in.Token = token
		if answer := w.API.Do(in); strings.Contains(string(answer.Body), "There is nothing at this address") {
			t.Errorf("%s is in the table, and no function has it", route.Pattern)
		}
	}
}

func TestEachRouteThatReadsJSONReadsItStrictly(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	token := w.Token(w.Owner)
	for _, route := range public() {
		if !readsJSON(route) {
			continue
		}
		in := request(route, nothing)
		in.Token = token
		t.Run(route.Pattern, func(t *testing.T) {
			w.API.AssertRefuses(t, in, map[string]functiontest.Refusal{
				"an unknown member":   {Body: `{"not_a_member":1}`, Kind: fault.Invalid, Fields: []string{"not_a_member"}},
				"no JSON":             {Body: `{"`, Kind: fault.Invalid},
				"two values":          {Body: `{}{}`, Kind: fault.Invalid},
				"an array":            {Body: `[]`, Kind: fault.Invalid},
				"a number":            {Body: `1`, Kind: fault.Invalid},
				"bytes that no UTF-8": {Body: "{\"a\":\"\xff\"}", Kind: fault.Invalid},
				"another type":        {Header: map[string]string{"Content-Type": "text/plain"}, Kind: fault.Invalid, Fields: []string{"Content-Type"}},
				"compressed":          {Header: map[string]string{"Content-Encoding": "gzip"}, Kind: fault.Invalid, Fields: []string{"Content-Encoding"}},
				"too large":           {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
			})
		})
	}
}

func TestEachRouteRefusesParametersThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	token := w.Token(w.Owner)
	for _, route := range public() {
		if speaksConnect(route) || speaksInference(route) || streams(route) || strings.HasPrefix(route.Pattern, "GET") && route.Permission == api.Public {
			continue // who follows a link or a protocol may add parameters
		}
		in := request(route, nothing)
		in.Token, in.Path = token, in.Path+"?not_a_parameter=1"
		answer := w.API.Do(in)
		t.Run(route.Pattern, func(t *testing.T) { t.Parallel(); answer.AssertProblem(t, fault.Invalid, "not_a_parameter") })
	}
}

func TestEachRouteRefusesNamesThatAreNone(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	token := w.Token(w.Owner)
	for _, route := range public() {
		for wildcard, bad := range map[string][]string{
			"{m}":     {"UPPER", "-x", "a..b", strings.Repeat("m", 64), "a%00b", "%F0%9F%98%80"},
			"{t}":     {"UPPER", "x_y", strings.Repeat("t", 64)},
			"{id}":    {"none", "0", "00000000-0000-0000-0000-00000000000g", "%00"},
			"{v}":     {"one", "1.0", "1.0.0+build", "latest", strings.Repeat("1", 300)},
			"{ref}":   {"1.0.0.0", "^^1", "-", "%27%3B--", strings.Repeat("a", 300)},
			"{alias}": {"UPPER", "a b", "-"},
			"{range}": {"1.0.0", "1.0.0...", "...", "1.0.0..1.0.1"},
			"{n}":     {"-1", "x", "1e3", "99999999999999999999"},
		} {
			if !strings.Contains(route.Pattern, wildcard) {
				continue
			}
			for _, name := range bad {
				in := request(httpapi.Route{Pattern: strings.Replace(route.Pattern, wildcard, strings.ReplaceAll(name, " ", "%20"), 1)}, nothing)
				in.Token = token
				in.Body = request(route, nothing).Body
				if answer := w.API.Do(in); answer.Status != http.StatusBadRequest && answer.Status != http.StatusNotFound {
					t.Errorf("%s with %s: status %d: %s", route.Pattern, name, answer.Status, answer.Body)
				}
			}
		}
	}
}

func TestEachPathTellsItsMethods(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	methods := map[string][]string{}
	for _, route := range public() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = expand(path, nothing)
		methods[path] = append(methods[path], method)
	}
	for path, allowed := range methods {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "PROPFIND"} {
			if slices.Contains(allowed, method) {
				continue
			}
			answer := w.API.Do(functiontest.Request{Method: method, Path: path})
			listed := strings.Split(answer.Header.Get("Allow"), ", ")
			if answer.Status != http.StatusMethodNotAllowed || slices.ContainsFunc(allowed, func(m string) bool { return !slices.Contains(listed, m) }) {
				t.Errorf("%s %s: status %d, Allow %q, want 405 with %q", method, path, answer.Status, listed, allowed)
			}
		}
	}
}

// speaksConnect reports whether the route is a procedure of gRPC, gRPC-Web and Connect, whose messages and refusals are theirs.
func speaksConnect(route httpapi.Route) bool {
	return strings.Contains(route.Pattern, "Service/") || strings.HasPrefix(route.Pattern, "POST /grpc.")
}

// speaksInference reports whether the route is of the Open Inference Protocol, which lets requests have members of the client's.
func speaksInference(route httpapi.Route) bool {
	return strings.Contains(route.Pattern, " /v2")
}

// streams reports whether the route's bytes, either way, are no JSON.
func streams(route httpapi.Route) bool {
	path := route.Pattern
	return strings.HasSuffix(path, "/events") || strings.Contains(path, "/chunks/") || strings.Contains(path, "/files/")
}

// readsJSON reports whether the route reads one of our own JSON bodies.
func readsJSON(route httpapi.Route) bool {
	method, _, _ := strings.Cut(route.Pattern, " ")
	return method != http.MethodGet && method != http.MethodDelete && !streams(route) && !speaksConnect(route) && !speaksInference(route)
}
