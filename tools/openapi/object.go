package main

import (
	"bytes"
	"encoding/json"
	"slices"
)

// object is a JSON object whose members stay in their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			text.WriteByte(',')
		}
		if err := appendMember(&text, m); err != nil {
			return nil, err
		}
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// appendMember writes a member as JSON: its name, a colon and its value.
func appendMember(text *bytes.Buffer, m member) error {
	name, err := json.Marshal(m.name)
	if err != nil {
		return err
	}
	value, err := json.Marshal(m.value)
	text.Write(name)
	text.WriteByte(':')
	text.Write(value)
	return err
}

// with returns o with one more member, or o itself if value is an empty string, list or object. It does not change o.
func (o object) with(name string, value any) object {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case []string:
		if len(v) == 0 {
			return o
		}
	case []any:
		if len(v) == 0 {
			return o
		}
	case object:
		if len(v) == 0 {
			return o
		}
	}
	return append(slices.Clip(o), member{name, value})
}

// at returns the value of the member of a name, nil if there is none.
func (o object) at(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// reference returns a schema that refers to a component: kind is "schemas", "parameters" and so on.
func reference(kind, name string) object {
	return object{{"$ref", "#/components/" + kind + "/" + name}}
}
