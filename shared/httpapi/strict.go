package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// strict reads JSON into Go values and notes all that is wrong, each by its path ("traffic[0].weight"). It is stricter than
// encoding/json: member names are exact, unknown and doubled members are refused, and so are missing ones unless the field is a
// pointer or its tag says omitempty or omitzero. null is the same as missing.
//
// The input is valid JSON already. Its size is bounded by the body's limit, and the depth of recursion by the types, not by the input.
type strict struct {
	errors        []fault.FieldError
	unprocessable int // of the errors, those of well-formed values that cannot be
}

const (
	// maxErrors bounds what one answer lists. Nothing is read after so many.
	maxErrors = 32
	// maxMembers bounds the members of one map, each of which costs memory.
	maxMembers = 4096
)

// full reports whether maxErrors errors are noted, so that no more are.
func (s *strict) full() bool { return len(s.errors) >= maxErrors }

// note records what is wrong with the value at a path, unless s is full.
func (s *strict) note(path, detail string) {
	if !s.full() {
		s.errors = append(s.errors, fault.FieldError{Field: path, Detail: detail})
	}
}

// fail notes an error about the value at a path, and counts it if it is Unprocessable.
func (s *strict) fail(path string, err error) {
	if fault.Is(err, fault.Unprocessable) && !s.full() {
		s.unprocessable++
	}
	s.note(path, detailOf(err))
}

// read decodes one JSON value into v; null leaves v as it is. What is wrong with the value is recorded.
func (s *strict) read(raw []byte, v reflect.Value, path string) {
	if isNull(raw) {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case readsItself(v):
		s.readLeaf(raw, v, path)
	case v.Kind() == reflect.Struct && raw[0] == '{':
		s.readStruct(raw, v, path)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8 && raw[0] == '[':
		s.readSlice(raw, v, path)
	case v.Kind() == reflect.Map && raw[0] == '{':
		s.readMap(raw, v, path)
	default:
		s.readLeaf(raw, v, path)
	}
}

// readsItself reports whether the value's type has its own UnmarshalJSON or UnmarshalText. v must be addressable.
func readsItself(v reflect.Value) bool {
	switch v.Addr().Interface().(type) {
	case json.Unmarshaler, encoding.TextUnmarshaler:
		return true
	default:
		return false
	}
}

// readLeaf decodes a JSON value into v with encoding/json. An error, and doubled members within the value, are noted.
func (s *strict) readLeaf(raw []byte, v reflect.Value, path string) {
	err := explain(json.Unmarshal(raw, v.Addr().Interface()), v.Type())
	if err == nil {
		err = checkTime(v)
	}
	if err != nil {
		s.fail(path, err)
		return
	}
	noteDoubled(s, raw, path)
}

// readStruct decodes a JSON object into a struct. Members that are unknown, doubled or missing are noted.
func (s *strict) readStruct(raw []byte, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for member := range members(raw) {
		if s.full() {
			return
		}
		name := join(path, member.name)
		at, known := fields[member.name]
		switch {
		case !known:
			s.note(name, "is not a known field")
		case seen[member.name]:
			s.note(name, "is given more than once")
		default:
			seen[member.name] = !isNull(member.value)
			s.read(member.value, v.FieldByIndex(at.index), name)
		}
	}
	for _, name := range required(fields) {
		if !seen[name] {
			s.note(join(path, name), "is required")
		}
	}
}

// readSlice decodes a JSON array into a slice, until s is full. What is wrong with the elements is noted.
func (s *strict) readSlice(raw []byte, v reflect.Value, path string) {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for item := range elements(raw) {
		if s.full() {
			return
		}
		i := v.Len()
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		s.read(item, v.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
}

// readMap decodes a JSON object of maxMembers members at most into a map. Doubled members, and what is wrong with their values, are noted.
func (s *strict) readMap(raw []byte, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	for member := range members(raw) {
		if v.Len() == maxMembers {
			s.note(path, fmt.Sprintf("has more than %d members", maxMembers))
			return
		}
		if s.full() {
			return
		}
		key := reflect.ValueOf(member.name).Convert(v.Type().Key())
		if v.MapIndex(key).IsValid() {
			s.note(join(path, member.name), "is given more than once")
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		s.read(member.value, value, join(path, member.name))
		v.SetMapIndex(key, value)
	}
}

type member struct {
	name  string
	value json.RawMessage
}

// members iterates over the members of a valid JSON object, in their order. Each is decoded only when it is asked for.
func members(raw []byte) iter.Seq[member] {
	return func(yield func(member) bool) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		_, _ = decoder.Token() // no call here can fail: raw is a valid object
		for decoder.More() {
			token, _ := decoder.Token()
			name, _ := token.(string)
			var value json.RawMessage
			_ = decoder.Decode(&value)
			if !yield(member{name, value}) {
				return
			}
		}
	}
}

// elements iterates over the elements of a valid JSON array, in their order, as members does.
func elements(raw []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		_, _ = decoder.Token() // as in members
		for decoder.More() {
			var value json.RawMessage
			_ = decoder.Decode(&value)
			if !yield(value) {
				return
			}
		}
	}
}

func isNull(raw []byte) bool { return string(raw) == "null" }

// join returns the path of the member name below path. A name of more than 80 bytes is shortened.
func join(path, name string) string {
	const most = 80
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	if path == "" {
		return name
	}
	return fmt.Sprintf("%s.%s", path, name)
}
