package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/constant"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// schemas makes JSON Schemas of Go types. Named types become components, but the structs of requests stand where they are used: they
// refuse what they do not know, and the same type in an answer does not.
type schemas struct {
	source     *source
	components map[string]object
	err        error // what cannot be described
}

// place is where a type is used.
type place int

const (
	taken place = iota // out of a request
	given              // in an answer
)

// of returns the schema of a type used at a place. A type without a form in JSON is recorded in s.err.
func (s *schemas) of(t types.Type, at place) object {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return s.ofNamed(t, at)
	case *types.Pointer:
		return s.of(t.Elem(), at)
	case *types.Slice:
		return object{{"type", "array"}, {"items", s.of(t.Elem(), at)}}
	case *types.Array:
		return object{{"type", "array"}, {"items", s.of(t.Elem(), at)}, {"minItems", t.Len()}, {"maxItems", t.Len()}}
	case *types.Map:
		return object{{"type", "object"}, {"additionalProperties", s.of(t.Elem(), at)}}
	case *types.Struct:
		return s.ofStruct(t, at)
	case *types.Basic:
		return s.ofBasic(t)
	case *types.Interface:
		return object{} // any JSON
	default:
		s.failf("%s has no form in JSON", t)
		return object{}
	}
}

// failf adds an error to s.err.
func (s *schemas) failf(format string, values ...any) {
	s.err = errors.Join(s.err, fmt.Errorf(format, values...))
}

// ofBasic returns the schema of a basic type. A type without a form in JSON is recorded in s.err.
func (s *schemas) ofBasic(t *types.Basic) object {
	switch info := t.Info(); {
	case info&types.IsString != 0:
		return object{{"type", "string"}}
	case info&types.IsBoolean != 0:
		return object{{"type", "boolean"}}
	case info&types.IsInteger != 0:
		return object{{"type", "integer"}}
	case info&types.IsFloat != 0:
		return object{{"type", "number"}}
	default:
		s.failf("%s has no form in JSON", t)
		return object{}
	}
}

// ofNamed returns a reference to the type's component, which it makes if need be. Structs of requests, generic structs and foreign types have
// their schema in place.
func (s *schemas) ofNamed(t *types.Named, at place) object {
	name := nameOf(t)
	if form, ok := foreign[name]; ok {
		return form
	}
	structure, isStruct := t.Underlying().(*types.Struct)
	_, written := forms[name]
	if isStruct && !written && (at == taken || t.TypeArgs().Len() > 0) {
		return s.ofStruct(structure, at)
	}
	if isStruct && !written {
		if inner := onlyEmbedded(structure); inner != nil {
			return s.of(inner, at)
		}
	}
	if _, known := s.components[name]; !known {
		s.components[name] = object{} // while it is made, for types that hold themselves
		s.components[name] = s.component(t, name, at)
	}
	return reference("schemas", name)
}

// nameOf returns "Version" for a type of package api, and "ref.Version" for one of another package.
func nameOf(t *types.Named) string {
	pkg := cmp.Or(t.Obj().Pkg(), types.NewPackage("", ""))
	if pkg.Path() == ours+"api" {
		return t.Obj().Name()
	}
	return pkg.Name() + "." + t.Obj().Name()
}

// component returns the schema of a named type with its comment as the description. A type that decodes itself without an entry in forms is
// recorded in s.err.
func (s *schemas) component(t *types.Named, name string, at place) object {
	doc := flat(s.source.docs[t.Obj()])
	form, written := forms[name]
	if !written {
		if readsItself(t) && s.constants(t) == nil {
			s.failf("%s reads itself: forms.go must say in what form", name)
		}
		form = s.of(t.Underlying(), at)
		form, doc = s.closed(t, form, doc)
	}
	return object{}.with("description", doc).merge(form)
}

// merge returns o followed by the members of others.
func (o object) merge(others object) object { return append(o, others...) }

// closed returns the form with the values of the type's constants as its enum, and doc with the constants' comments. Without constants it
// returns both as they are.
func (s *schemas) closed(t *types.Named, form object, doc string) (withValues object, withMeanings string) {
	var values, meanings []string
	for _, c := range s.constants(t) {
		value := constant.StringVal(c.Val())
		values = append(values, value)
		if meaning := s.source.docs[c]; meaning != "" {
			meanings = append(meanings, value+": "+flat(meaning))
		}
	}
	if len(meanings) > 0 {
		doc += " (" + strings.Join(meanings, "; ") + ")"
	}
	return form.with("enum", values), doc
}

// constants returns the constants of a string type in the order of the source, nil for any other type.
func (s *schemas) constants(t *types.Named) []*types.Const {
	var all []*types.Const
	if b, ok := t.Underlying().(*types.Basic); !ok || b.Info()&types.IsString == 0 {
		return nil
	}
	scope := t.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), t) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *types.Const) int { return cmp.Compare(a.Pos(), b.Pos()) })
	return all
}

// readsItself reports whether the type has its own methods for JSON or text.
func readsItself(t types.Type) bool {
	return hasMethod(t, "UnmarshalText") || hasMethod(t, "UnmarshalJSON") || hasMethod(t, "MarshalText") || hasMethod(t, "MarshalJSON")
}

// hasMethod reports whether the type, or a pointer to it, has an exported method of the name.
func hasMethod(t types.Type, name string) bool {
	if _, ok := t.(*types.Pointer); !ok {
		t = types.NewPointer(t)
	}
	return types.NewMethodSet(t).Lookup(nil, name) != nil
}

// onlyEmbedded returns the type of t's embedded field if t has no other exported field, and nil otherwise.
func onlyEmbedded(t *types.Struct) types.Type {
	var only types.Type
	for i := range t.NumFields() {
		field := t.Field(i)
		switch {
		case field.Embedded() && only == nil:
			only = field.Type()
		case field.Exported():
			return nil
		}
	}
	return only
}

// ofStruct returns the schema of a struct: an object with its fields that have a JSON name. In a request unknown members are refused.
func (s *schemas) ofStruct(t *types.Struct, at place) object {
	var properties object
	var required []string
	for _, f := range fieldsOf(t) {
		name, options, _ := strings.Cut(f.tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		_, pointer := f.Type().(*types.Pointer)
		optional := strings.Contains(options, "omit")
		if !optional && (at == given || !pointer) {
			required = append(required, name)
		}
		doc := flat(s.source.docs[f.Origin()])
		schema := s.of(f.Type(), at)
		if at == given && !optional && (pointer || strings.HasPrefix(doc, "null")) {
			schema = orNull(schema)
		}
		properties = append(properties, member{name, schema.with("description", doc)})
	}
	schema := object{{"type", "object"}}.with("required", required).with("properties", properties)
	if at == taken {
		schema = append(schema, member{"additionalProperties", false})
	}
	return schema
}

// orNull returns a schema that also accepts null. It does not change its argument.
func orNull(schema object) object {
	if kind, ok := schema.at("type").(string); ok && schema.at("enum") == nil {
		rest := slices.DeleteFunc(slices.Clone(schema), func(m member) bool { return m.name == "type" })
		return append(object{{"type", []string{kind, "null"}}}, rest...)
	}
	return object{{"anyOf", []any{schema, object{{"type", "null"}}}}}
}

// field is a field with its tag.
type field struct {
	*types.Var

	tag reflect.StructTag
}

// fieldsOf returns a struct's exported fields. The fields of embedded structs count as its own.
func fieldsOf(t *types.Struct) []field {
	var all []field
	for i := range t.NumFields() {
		f := field{t.Field(i), reflect.StructTag(t.Tag(i))}
		inner, ok := f.Type().Underlying().(*types.Struct)
		switch {
		case f.Embedded() && ok && f.tag.Get("json") == "":
			all = append(all, fieldsOf(inner)...)
		case f.Exported():
			all = append(all, f)
		}
	}
	return all
}
