package main

import (
	"go/types"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// operation returns the operation of a route that has a use case. What cannot be described is recorded in d.schemas.err, and the result is nil
// then.
func (d *document) operation(route httpapi.Route, u use) object {
	in, ok := u.in.Underlying().(*types.Struct)
	if !ok {
		d.schemas.failf("%s: the request %s is no struct", route.Pattern, u.in)
		return nil
	}
	if u.doc == "" {
		d.schemas.failf("%s: its use case %s has no comment to describe it by", route.Pattern, u.name)
		return nil
	}
	parameters := d.parameters(in)
	if route.Keyed {
		parameters = append(parameters, reference("parameters", "Idempotency-Key"))
	}
	if slices.ContainsFunc(fieldsOf(in), conditional) && !route.Declares(fault.PreconditionFailed) {
		d.schemas.failf("%s has conditions: it needs fault.PreconditionFailed among its Faults", route.Pattern)
	}
	o := head(route, route.Function+"."+lower(u.name), strings.TrimPrefix(u.doc, u.name+" ")).with("parameters", parameters)
	if body := d.schemas.ofStruct(in, taken); body.at("properties") != nil {
		needed := body.at("required") != nil
		o = o.with("requestBody", object{{"required", needed}, {"content", ofJSON(body)}})
	}
	responses := object{{strconv.Itoa(route.Success()), d.success(route, u)}}
	return append(o, member{"responses", append(responses, failures(route)...)})
}

// conditional reports whether the field is for the header If-Match.
func conditional(f field) bool { return f.tag.Get("header") == condition.IfMatch }

// head returns the members with which every operation begins. doc says what the operation does; its first sentence is the summary.
func head(route httpapi.Route, id, doc string) object {
	o := object{
		{"operationId", id}, {"tags", []string{route.Function}}, {"summary", summaryOf(doc)},
		{"description", paragraphs(doc) + "\n\n" + needs(route.Permission)},
	}
	if route.Permission == api.Public {
		return append(o, member{"security", []any{}})
	}
	return o
}

// needs returns the sentence about the credential that a permission needs.
func needs(permission api.Permission) string {
	switch permission {
	case api.Public:
		return "Needs no credential."
	case api.Self:
		return "Needs a credential of any role."
	default:
		return "Needs the permission " + string(permission) + "."
	}
}

// summaryOf returns the first sentence of doc, or its part before a semicolon or colon, without the full stop.
func summaryOf(doc string) string {
	summary := capital(flat(doc))
	for _, end := range []string{". ", "; ", ": "} {
		summary, _, _ = strings.Cut(summary, end)
	}
	return strings.TrimSuffix(summary, ".")
}

// paragraphs returns doc with each paragraph on one line and a capital at its beginning.
func paragraphs(doc string) string {
	all := strings.Split(strings.TrimSpace(doc), "\n\n")
	for i := range all {
		all[i] = flat(all[i])
	}
	return capital(strings.Join(all, "\n\n"))
}

// capital returns the sentence with its first letter, in ASCII, as a capital. It must not be empty.
func capital(sentence string) string { return strings.ToUpper(sentence[:1]) + sentence[1:] }

// lower returns a name with a small first letter: "listModels" for "ListModels".
func lower(name string) string {
	first := []rune(name)
	first[0] = unicode.ToLower(first[0])
	return string(first)
}

// parameters returns the parameters of a request type: its fields of the path, the query and the headers, in this order, and those of pages.
func (d *document) parameters(in *types.Struct) []any {
	var all []any
	for _, where := range []string{"path", "query", "header"} {
		for _, f := range fieldsOf(in) {
			for one := range strings.FieldsFuncSeq(f.tag.Get(where), func(r rune) bool { return r == '/' }) {
				all = append(all, d.parameter(where, one, f))
			}
		}
	}
	if lists(in) {
		all = append(all, reference("parameters", "page_size"), reference("parameters", "page_token"))
	}
	return all
}

// lists reports whether the request asks for a page.
func lists(in *types.Struct) bool {
	return slices.ContainsFunc(fieldsOf(in), func(f field) bool { return f.Pkg().Path() == ours+"api/page" })
}

// parameter returns the parameter called name for a field. where is path, query or header.
func (d *document) parameter(where, name string, f field) any {
	switch schema, known := d.wildcard(name); {
	case name == "If-Match" || name == "If-None-Match":
		return reference("parameters", name)
	case where == "path" && known && f.tag.Get("path") != name: // a part of the field, as t and m are of a model
		return parameter(where, name, "", schema)
	default:
		return parameter(where, name, flat(d.schemas.source.docs[f.Origin()]), d.schemas.of(f.Type(), taken))
	}
}

// parameter returns a parameter object of OpenAPI. One in the path is required.
func parameter(where, name, doc string, schema object) object {
	o := object{{"name", name}, {"in", where}}.with("description", doc)
	if where == "path" {
		o = append(o, member{"required", true})
	}
	return append(o, member{"schema", schema})
}

// wildcard returns the schema of a path's wildcard, and false for an unknown one. A wildcard means the same in every path.
func (d *document) wildcard(name string) (object, bool) {
	ofRef := func(name string) object { return d.schemas.of(d.schemas.source.named("ref", name), taken) }
	switch name {
	case "t":
		return ofRef("Tenant"), true
	case "m":
		return ofRef("Name"), true
	case "ref":
		return ofRef("Selector"), true
	case "path":
		return ofRef("Path"), true
	case "id":
		return forms["ID"], true
	case "n":
		return object{{"type", "integer"}, {"minimum", 0}, {"maximum", 9999}}, true
	default:
		return nil, false
	}
}

// success returns the response of a route that succeeds.
func (d *document) success(route httpapi.Route, u use) object {
	o := object{{"description", http.StatusText(route.Success())}}
	if hasMethod(u.out, "ETag") {
		o = append(o, member{"headers", object{{"ETag", reference("headers", "ETag")}}})
	}
	if out, ok := u.out.Underlying().(*types.Struct); ok && out.NumFields() == 0 {
		return o
	}
	return append(o, member{"content", ofJSON(d.schemas.of(u.out, given))})
}

// ofJSON returns a content of application/json with the schema.
func ofJSON(schema object) object { return object{{"application/json", object{{"schema", schema}}}} }

// failures returns a reference for each kind of error that the route declares, by status, and one for any other.
func failures(route httpapi.Route) object {
	var o object
	for _, kind := range route.Kinds() {
		o = append(o, member{strconv.Itoa(kind.Status()), reference("responses", string(kind))})
	}
	return append(o, member{"default", reference("responses", "problem")})
}
