package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
)

const (
	pageSize  = "page_size"
	pageToken = "page_token"
)

// plan is how a request type is filled, worked out once for each route. Each exported field has one of the tags json (the body), path,
// query or header; page.Request is embedded by those that list. A path tag may join several wildcards: `path:"t/m"` for a ref.Model.
type plan struct {
	path, query, header []param
	page                []int // the index of the embedded page.Request, or nil
	body                bool  // some field is of the body
}

type param struct {
	name  string
	index []int
	many  bool // a slice, which takes a repeated parameter
}

// planOf returns how requests of the type t are filled. It panics for a type that no request could fill, such as one whose field has no tag.
func planOf(t reflect.Type) *plan {
	p := &plan{}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("httpapi: the request %s is no struct", t))
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous && f.Type == reflect.TypeFor[page.Request]() {
			p.page = f.Index
		}
		if f.Anonymous || !f.IsExported() || p.page != nil && slices.Equal(f.Index[:len(f.Index)-1], p.page) {
			continue
		}
		p.add(t, f)
	}
	return p
}

// add adds a field to the plan by its tag. It panics for a field without a tag, or that text cannot fill.
func (p *plan) add(t reflect.Type, f reflect.StructField) {
	one := param{index: f.Index, many: f.Type.Kind() == reflect.Slice}
	for tag, list := range map[string]*[]param{"path": &p.path, "query": &p.query, "header": &p.header} {
		name, ok := f.Tag.Lookup(tag)
		if !ok {
			continue
		}
		if element := f.Type; !readable(element) && (!one.many || !readable(element.Elem())) {
			panic(fmt.Sprintf("httpapi: %s.%s cannot be read out of text", t, f.Name))
		}
		one.name = name
		*list = append(*list, one)
		return
	}
	if _, ok := f.Tag.Lookup("json"); !ok && len(f.Index) == 1 {
		panic(fmt.Sprintf("httpapi: %s.%s has none of the tags json, path, query and header", t, f.Name))
	}
	p.body = true
}

// fill decodes the request into v. It fails with one error that names everything wrong with the path, the query, the headers and the body's
// fields: Invalid, or Unprocessable if all are well-formed values that cannot be. A body that is no JSON object is Invalid by itself.
func (p *plan) fill(v reflect.Value, r *http.Request, body []byte) error {
	var s strict
	p.fillPath(&s, v, r)
	p.fillHeaders(&s, v, r)
	p.parameters().check(&s, r)
	p.fillQuery(&s, v, r)
	if p.body {
		if err := p.fillBody(&s, v, r, body); err != nil {
			return err
		}
	}
	return s.fault()
}

// fault returns one error for all that was noted, with a field error each, and nil if nothing was. It is Unprocessable if all are, and Invalid
// otherwise.
func (s *strict) fault() error {
	kind := fault.Invalid
	if s.unprocessable == len(s.errors) {
		kind = fault.Unprocessable
	}
	switch len(s.errors) {
	case 0:
		return nil
	case 1:
		return fault.New(kind, s.errors[0].Detail, fault.Fields(s.errors...))
	default:
		message := fmt.Sprintf("%d fields of the request are not valid; the first: %s", len(s.errors), fault.Sentence(s.errors[0].Field, s.errors[0].Detail))
		return fault.New(kind, message, fault.Fields(s.errors...))
	}
}

// fillPath sets the fields that are tagged path. Wrong values are noted in s.
func (p *plan) fillPath(s *strict, v reflect.Value, r *http.Request) {
	for _, one := range p.path {
		names := strings.Split(one.name, "/")
		values := make([]string, len(names))
		for i, name := range names {
			values[i] = r.PathValue(name)
		}
		s.set(v.FieldByIndex(one.index), one.name, strings.Join(values, "/"))
	}
}

// fillHeaders sets the fields that are tagged header; a header that is absent leaves its field. Wrong values, repeated headers and conditions
// that the route does not check are noted in s.
func (p *plan) fillHeaders(s *strict, v reflect.Value, r *http.Request) {
	for _, one := range p.header {
		values := r.Header.Values(one.name)
		switch {
		case len(values) == 0:
		case one.name == condition.IfMatch || one.name == condition.IfNoneMatch: // lists, which may have several lines (RFC 9110, 5.3)
			s.set(v.FieldByIndex(one.index), one.name, strings.Join(values, ", "))
		case len(values) > 1:
			s.note(one.name, "is given more than once")
		default:
			s.set(v.FieldByIndex(one.index), one.name, values[0])
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.refuseConditions(s, r)
	}
}

// refuseConditions notes in s the headers If-Match and If-None-Match that the request has and its route does not check. A write must not
// ignore them.
func (p *plan) refuseConditions(s *strict, r *http.Request) {
	for _, name := range []string{condition.IfMatch, condition.IfNoneMatch} {
		if len(r.Header.Values(name)) > 0 && !slices.ContainsFunc(p.header, func(one param) bool { return one.name == name }) {
			s.note(name, "is not supported by this route; leave it out")
		}
	}
}

// parameters returns the query parameters that a request of the type may have, and whether each may be repeated.
func (p *plan) parameters() parameters {
	all := parameters{}
	for _, one := range p.query {
		all[one.name] = one.many
	}
	if p.page != nil {
		all[pageSize], all[pageToken] = false, false
	}
	return all
}

// fillQuery sets the fields that are tagged query, and the page's size. Values that cannot be parsed are noted in s; unknown and repeated
// parameters are noted by parameters.check.
func (p *plan) fillQuery(s *strict, v reflect.Value, r *http.Request) {
	given := r.URL.Query()
	if p.page != nil {
		s.setSize(v.FieldByIndex(p.page), given) // the token is verified when the caller is known
	}
	for _, one := range p.query {
		s.setQuery(v.FieldByIndex(one.index), one, given[one.name])
	}
}

// setQuery sets a field from the values of its query parameter. Without a value the field stays as it is. A value that cannot be parsed is
// noted in s.
func (s *strict) setQuery(field reflect.Value, one param, values []string) {
	switch {
	case one.many && len(values) > 0:
		field.Set(reflect.MakeSlice(field.Type(), len(values), len(values)))
		for i, value := range values {
			s.set(field.Index(i), one.name, value)
		}
	case len(values) == 1:
		s.set(field, one.name, values[0])
	}
}

// set sets a field from a text. If the text is not UTF-8 or cannot be parsed, it notes that in s under the name.
func (s *strict) set(field reflect.Value, name, text string) {
	if !utf8.ValidString(text) {
		s.note(name, "is not UTF-8")
		return
	}
	if err := setText(field, text); err != nil {
		s.fail(name, err)
	}
}

// setSize sets a page.Request with the size in the query, the default without one. A size that is not from 1 to page.MaxSize is noted in s.
func (s *strict) setSize(field reflect.Value, given url.Values) {
	request := page.Request{Size: page.DefaultSize}
	if texts, ok := given[pageSize]; ok {
		if err := setText(reflect.ValueOf(&request.Size).Elem(), texts[0]); len(texts) == 1 && (err != nil || request.Size < 1 || request.Size > page.MaxSize) {
			s.note(pageSize, fmt.Sprintf("must be a whole number from 1 to %d", page.MaxSize))
		}
	}
	field.Set(reflect.ValueOf(request))
}

// fillBody sets the fields that are tagged json; an empty body counts as {}. It fails with Invalid if the body is no JSON object; what is
// wrong with a field is noted in s.
func (p *plan) fillBody(s *strict, v reflect.Value, r *http.Request, body []byte) error {
	if len(body) == 0 {
		body = []byte("{}")
	} else if err := checkBody(r, body); err != nil {
		return err
	}
	s.readStruct(body, v, "")
	return nil
}
