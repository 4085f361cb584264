package httpapi

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
)

// setText sets a field, or a new value if it is a pointer, from the text of a path, a query or a header. It fails with a fault whose message is for the
// user, and with another error for a type that is not readable; the field may have changed then.
func setText(field reflect.Value, text string) error {
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		return setText(field.Elem(), text)
	}
	if typed, ok := reflect.TypeAssert[encoding.TextUnmarshaler](field.Addr()); ok {
		return cmp.Or(explain(typed.UnmarshalText([]byte(text)), field.Type()), checkTime(field))
	}
	return setPlain(field, text)
}

// setPlain sets a field of a string, boolean or whole-number type from a text. It fails for text that does not parse and for other types.
func setPlain(field reflect.Value, text string) error {
	switch {
	case field.Kind() == reflect.String:
		field.SetString(text)
		return nil
	case field.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		field.SetBool(b)
		return explain(err, field.Type())
	case field.CanInt():
		n, err := strconv.ParseInt(text, 10, field.Type().Bits())
		field.SetInt(n)
		return explain(err, field.Type())
	case field.CanUint():
		n, err := strconv.ParseUint(text, 10, field.Type().Bits())
		field.SetUint(n)
		return explain(err, field.Type())
	default:
		return fmt.Errorf("httpapi: cannot read a %s out of text", field.Type())
	}
}

// firstYear is that of the earliest time that a request may name. Nothing of ours is older, and the zero time would count as absent.
const firstYear = 1970

// checkTime fails with Invalid if the field is a time before firstYear. Other types are always right.
func checkTime(field reflect.Value) error {
	if at, ok := reflect.TypeAssert[time.Time](field); ok && at.UTC().Year() < firstYear {
		return fault.New(fault.Invalid, fmt.Sprintf("must be a time from the year %d on", firstYear))
	}
	return nil
}

// readable reports whether setText can fill a field of the type.
func readable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := reflect.New(t)
	_, typed := reflect.TypeAssert[encoding.TextUnmarshaler](v)
	return typed || t.Kind() == reflect.String || t.Kind() == reflect.Bool || v.Elem().CanInt() || v.Elem().CanUint()
}

// explain returns err with a message for the user: a fault as it is, any other error as Invalid with the form that a value of type t has. It
// returns nil for nil.
func explain(err error, t reflect.Type) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fault.New(fault.Invalid, "must be "+form(t), fault.Cause(err))
}

// form describes the form of a type's values for a message, such as "a UUID".
func form(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return "a UUID"
	case reflect.TypeFor[time.Time]():
		return "a time like 2026-01-31T12:00:00Z (RFC 3339)"
	}
	v := reflect.New(t)
	if _, typed := reflect.TypeAssert[encoding.TextUnmarshaler](v); typed {
		return "a string of the right form"
	}
	switch {
	case v.Elem().CanUint():
		return fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<t.Bits()-1)
	case v.Elem().CanInt():
		return fmt.Sprintf("a whole number of at most %d bits", t.Bits())
	default:
		return formOfKind(t.Kind())
	}
}

// formOfKind describes the form of the JSON values of a kind of type, for a message.
func formOfKind(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	default:
		return "another type"
	}
}

// detailOf returns what a client is told of an error about one field: a fault's message, or for any other error a sentence that shows nothing of the
// inside.
func detailOf(err error) string { return fault.From(err).Message }
