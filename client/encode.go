package maas

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
)

// encoded is a request of package api as HTTP has it.
type encoded struct {
	method, path string // with the query
	header       http.Header
	body         []byte // JSON; nil for none
}

// encode writes a request for a route like "GET /v1/models/{t}/{m}". The tags of the fields of in say where they go:
// path, query, header, or json for the body. Absent values are left out; a nil in has no fields. It fails if a value
// cannot be marshalled to JSON.
func encode(route string, in any) (encoded, error) {
	method, path, _ := strings.Cut(route, " ")
	e := encoded{method: method, path: path, header: http.Header{}}
	if in == nil {
		return e, nil
	}
	query, members := url.Values{}, map[string]json.RawMessage{}
	v := reflect.ValueOf(in)
	hasBody := false
	for _, f := range reflect.VisibleFields(v.Type()) {
		value := v.FieldByIndex(f.Index)
		if asked, ok := reflect.TypeAssert[page.Request](value); ok { // which lists embed
			add(query, "page_size", reflect.ValueOf(asked.Size))
			add(query, "page_token", reflect.ValueOf(asked.After))
		}
		if f.Anonymous || !f.IsExported() {
			continue
		}
		if err := e.field(f.Tag, value, query, members); err != nil {
			return e, err
		}
		_, inBody := f.Tag.Lookup("json")
		hasBody = hasBody || inBody
	}
	if len(query) > 0 {
		e.path += "?" + query.Encode()
	}
	if !hasBody {
		return e, nil
	}
	var err error
	e.body, err = json.Marshal(members)
	return e, err
}

// field puts a value where its field's tag says: into the path, query, a header, or members, which become the body. An absent value is left out. It fails
// if the value cannot be marshalled to JSON.
func (e *encoded) field(tag reflect.StructTag, value reflect.Value, query url.Values, members map[string]json.RawMessage) error {
	if name, ok := tag.Lookup("path"); ok {
		e.fillPath(name, textOf(value))
		return nil
	}
	if name, ok := tag.Lookup("query"); ok {
		add(query, name, value)
		return nil
	}
	if name, ok := tag.Lookup("header"); ok {
		if !value.IsZero() {
			e.header.Set(name, textOf(value))
		}
		return nil
	}
	name, options, _ := strings.Cut(tag.Get("json"), ",")
	optional := options != "" || value.Kind() == reflect.Pointer || value.Kind() == reflect.Slice || value.Kind() == reflect.Map
	if name == "" || name == "-" || optional && value.IsZero() {
		return nil
	}
	content := value.Interface()
	if password, ok := content.(api.Password); ok {
		content = string(password) // which hides itself otherwise
	}
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	members[name] = text
	return nil
}

// fillPath puts a value in the place of its wildcard: of {t}/{m} for the name "t/m", and of {path...} for "path".
func (e *encoded) fillPath(name, text string) {
	parts := strings.Split(name, "/")
	values := strings.SplitN(text, "/", len(parts))
	for i, part := range parts {
		value := ""
		if i < len(values) {
			value = values[i]
		}
		if wildcard := "{" + part + "...}"; strings.Contains(e.path, wildcard) {
			segments := strings.Split(value, "/")
			for j := range segments {
				segments[j] = url.PathEscape(segments[j])
			}
			e.path = strings.Replace(e.path, wildcard, strings.Join(segments, "/"), 1)
			continue
		}
		e.path = strings.Replace(e.path, "{"+part+"}", url.PathEscape(value), 1)
	}
}

// add adds a value to a query, each element of a slice by itself, unless it is absent.
func add(query url.Values, name string, value reflect.Value) {
	if value.Kind() == reflect.Slice {
		for i := range value.Len() {
			query.Add(name, textOf(value.Index(i)))
		}
		return
	}
	if !value.IsZero() {
		query.Set(name, textOf(value))
	}
}

// textOf returns the text of a value in a path, a query or a header: that of MarshalText, else of a bool, a whole number or a string.
func textOf(value reflect.Value) string {
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](value); ok {
		text, err := m.MarshalText()
		if err != nil {
			return "" // names and times of package api always encode
		}
		return string(text)
	}
	switch value.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(value.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(value.Int(), 10)
	default:
		return value.String()
	}
}
