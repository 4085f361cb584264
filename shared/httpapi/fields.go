package httpapi

import (
	"reflect"
	"slices"
	"strings"
)

// jsonField is a struct's field as JSON sees it.
type jsonField struct {
	index    []int
	required bool
}

// fieldsOf returns a struct's fields by their JSON names, those of embedded structs included. Fields without a json tag are left out.
func fieldsOf(t reflect.Type) map[string]jsonField {
	fields := map[string]jsonField{}
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if !tagged || !f.IsExported() || name == "-" || name == "" {
			continue
		}
		optional := f.Type.Kind() == reflect.Pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		fields[name] = jsonField{index: f.Index, required: !optional}
	}
	return fields
}

// required returns the names of the fields that must be given, in alphabetical order.
func required(fields map[string]jsonField) []string {
	var names []string
	for name, f := range fields {
		if f.required {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
