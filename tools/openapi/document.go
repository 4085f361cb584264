package main

import (
	"cmp"
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// document is the description in the making.
type document struct {
	schemas *schemas
	kinds   map[fault.Kind]string // the kinds of errors, and what their constants are called
	paths   []string              // templates in the order of the route table
	items   map[string]object     // by template: operations by method
	shapes  map[string]string     // by a path without its wildcards' names: its template
}

// describe returns the whole OpenAPI document. It fails if a route has no description, or a description no route, and names all that is wrong.
func describe(code *source) (object, error) {
	d := &document{
		schemas: &schemas{source: code, components: map[string]object{}}, kinds: map[fault.Kind]string{},
		items: map[string]object{}, shapes: map[string]string{},
	}
	d.readKinds()
	streams := d.streams()
	for _, route := range httpapi.Routes() {
		if route.Events || route.Procedure() {
			continue // not offered outside; or described by proto/
		}
		u, handled := code.uses[route.Pattern]
		stream, streamed := streams[route.Pattern]
		delete(streams, route.Pattern)
		switch {
		case handled && streamed:
			d.schemas.failf("%s has a use case: it needs no description by hand", route.Pattern)
		case handled:
			d.add(route, d.operation(route, u))
		case streamed:
			d.add(route, d.stream(route, stream))
		default:
			d.schemas.failf("%s: function %s registers no use case for it, and streams.go does not describe it", route.Pattern, route.Function)
		}
	}
	for pattern := range streams {
		d.schemas.failf("%s is described, but is not in the route table", pattern)
	}
	return d.whole(), d.schemas.err
}

// readKinds fills d.kinds with the constants of fault.Kind.
func (d *document) readKinds() {
	scope := d.schemas.source.packages[ours+"api/fault"].Scope()
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), scope.Lookup("Kind").Type()) {
			d.kinds[fault.Kind(constant.StringVal(c.Val()))] = name
		}
	}
}

var (
	wildcards = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)
	blank     = regexp.MustCompile(`\{[^}]*\}`)
)

// add adds the operation of a route to its path. Paths that differ only in the names of wildcards are one path to OpenAPI, which keeps the
// first one's names.
func (d *document) add(route httpapi.Route, operation object) {
	method, path, _ := strings.Cut(route.Pattern, " ")
	template := wildcards.ReplaceAllString(path, "{$1}")
	shape := blank.ReplaceAllString(template, "{}")
	first, known := d.shapes[shape]
	if !known {
		first = template
		d.shapes[shape] = template
		d.paths = append(d.paths, template)
	}
	rename(operation, wildcards.FindAllStringSubmatch(template, -1), wildcards.FindAllStringSubmatch(first, -1))
	d.items[first] = append(d.items[first], member{strings.ToLower(method), operation})
}

// rename gives the operation's path parameters the names in to, in place of those in from.
func rename(operation object, from, to [][]string) {
	parameters, _ := operation.at("parameters").([]any)
	for _, one := range parameters {
		one, _ := one.(object)
		for i := range from {
			if one.at("in") == "path" && one.at("name") == from[i][1] {
				one[0].value = to[i][1]
			}
		}
	}
}

// whole returns the document with all that was added.
func (d *document) whole() object {
	paths := make(object, 0, len(d.paths))
	for _, path := range d.paths {
		paths = append(paths, member{path, d.items[path]})
	}
	return object{
		{"openapi", "3.1.0"},
		{"info", info},
		{"servers", []any{object{{"url", "http://localhost:8080"}, {"description", "one machine: maas up"}}}},
		{"security", []any{object{{"token", []string{}}}, object{{"key", []string{}}}}},
		{"tags", d.tags()},
		{"paths", paths},
		{"components", object{
			{"securitySchemes", securitySchemes},
			{"parameters", sharedParameters},
			{"headers", object{{"ETag", header("The entity tag of the answer, for If-Match and If-None-Match.", object{{"type", "string"}})}}},
			{"responses", d.responses()},
			{"schemas", d.components()},
		}},
	}
}

// tags returns a tag for each function that is offered outside, with its description.
func (d *document) tags() []any {
	used := map[string]bool{}
	for _, route := range httpapi.Routes() {
		used[route.Function] = !route.Events || used[route.Function]
	}
	var tags []any
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if used[name] {
			tags = append(tags, object{{"name", name}}.with("description", d.schemas.source.functions[name]))
		}
	}
	return tags
}

// components returns the schemas by name, in alphabetical order.
func (d *document) components() object {
	all := make(object, 0, len(d.schemas.components))
	for _, name := range slices.Sorted(maps.Keys(d.schemas.components)) {
		all = append(all, member{name, d.schemas.components[name]})
	}
	return all
}

// responses returns the response of each kind of error, and "problem" for any.
func (d *document) responses() object {
	problem := object{{"application/problem+json", object{{"schema", d.schemas.of(d.schemas.source.named("httpapi", "Problem"), given)}}}}
	all := object{{"problem", object{{"description", "Any error: " + everywhere() + " may answer every request."}, {"content", problem}}}}
	kinds := slices.SortedFunc(maps.Keys(d.kinds), func(a, b fault.Kind) int { return cmp.Compare(a.Status(), b.Status()) })
	for _, kind := range kinds {
		constant := d.schemas.source.packages[ours+"api/fault"].Scope().Lookup(d.kinds[kind])
		response := object{{"description", d.schemas.source.docs[constant]}}
		if kind == fault.RateLimited || kind == fault.Unavailable {
			response = append(response, member{"headers", retryAfter})
		}
		all = append(all, member{string(kind), append(response, member{"content", problem})})
	}
	return all
}

// everywhere returns the statuses of the errors that any request may get, in words: "429, 500 and 503". That of a client which is gone is left
// out.
func everywhere() string {
	var statuses []string
	for _, kind := range httpapi.Everywhere() {
		if kind != fault.Canceled {
			statuses = append(statuses, strconv.Itoa(kind.Status()))
		}
	}
	last := len(statuses) - 1
	return strings.Join(statuses[:last], ", ") + " and " + statuses[last]
}

var retryAfter = object{{"Retry-After", header("Seconds to wait.", object{{"type", "integer"}, {"minimum", 1}})}}

var securitySchemes = object{
	{"token", object{
		{"type", "http"}, {"scheme", "bearer"},
		{"description", "An access token of POST /v1/auth/login, or an API key: maas_<id>_<secret>."},
	}},
	{"key", object{{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}, {"description", "An API key."}}},
}

var sharedParameters = object{
	{"Idempotency-Key", parameter("header", "Idempotency-Key",
		"1 to 255 printable ASCII characters. The same key and request within 24 hours give the stored answer; another request under the key gives 422.",
		upTo(1, 255))},
	{"If-Match", parameter("header", "If-Match",
		"Entity tags in quotes, of which the resource must have one; * for any, if it is there.", object{{"type", "string"}})},
	{"If-None-Match", parameter("header", "If-None-Match",
		"Entity tags in quotes, none of which the resource may have; * if it must not be there.", object{{"type", "string"}})},
	{"page_size", parameter("query", "page_size", "The most items to answer with.",
		object{{"type", "integer"}, {"minimum", 1}, {"maximum", 200}, {"default", 50}})},
	{"page_token", parameter("query", "page_token", "next_page_token of the page before.", object{{"type", "string"}})},
}

var info = object{
	{"title", "MaaS"},
	{"version", "1"},
	{"summary", "Upload model files, publish semantic versions of them, call them."},
	{"license", object{{"name", "Apache 2.0"}, {"identifier", "Apache-2.0"}}},
	{"description", strings.TrimSpace(fmt.Sprintf(conventions, httpapi.ProblemType))},
}

const conventions = `
JSON in and out, in UTF-8. Unknown members and query parameters are refused; null is the same as absent. Times are RFC 3339 in UTC, sizes are bytes,
digests are SHA-256 in lowercase hexadecimal digits.

Errors are RFC 9457 problems, whose type is %s and the kind. What belongs to another tenant is not found, never forbidden.

Every answer has an X-Request-Id. A W3C traceparent is taken up.

A client that closes its connection, or only its sending half, cancels its request. An error may be answered before the request's body has been sent whole.
A server that stops answers requests that do not end in time with 503 and Retry-After: they may be sent again.

The gRPC, gRPC-Web and Connect surface, maas.v1.ModelService and inference.GRPCInferenceService, is described by the files under shared/proto.
`
