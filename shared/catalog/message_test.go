package catalog

import (
	"encoding"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/17882237881/MaaS/api"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

// TestTheAPIsFieldsHaveCounterpartsInProto compares the members of the API's types with the fields of the messages of ModelService.
func TestTheAPIsFieldsHaveCounterpartsInProto(t *testing.T) {
	t.Parallel()
	for _, pair := range []struct {
		of      any
		message proto.Message
		extra   []string // fields of the message that HTTP has in a header
	}{
		{of: api.Model{}, message: &maasv1.Model{}, extra: []string{"etag"}},
		{of: api.CreateModelRequest{}, message: &maasv1.CreateModelRequest{}},
		{of: api.Version{}, message: &maasv1.Version{}},
		{of: api.File{}, message: &maasv1.File{}},
		{of: api.Tensor{}, message: &maasv1.Tensor{}},
		{of: api.Resources{}, message: &maasv1.Resources{}},
		{of: api.Lineage{}, message: &maasv1.Lineage{}},
		{of: api.Deployment{}, message: &maasv1.Deployment{}},
		{of: api.StartPhases{}, message: &maasv1.StartPhases{}},
		{of: api.Deprecation{}, message: &maasv1.Deprecation{}},
		{of: api.Target{}, message: &maasv1.Share{}},
	} {
		fields := map[string]bool{}
		for field := range fieldsOf(pair.message) {
			fields[string(field.Name())] = true
		}
		for _, name := range append(members(reflect.TypeOf(pair.of)), pair.extra...) {
			if !fields[name] {
				t.Errorf("the message %s has no field for %T's %s", pair.message.ProtoReflect().Descriptor().Name(), pair.of, name)
			}
			delete(fields, name)
		}
		for name := range fields {
			t.Errorf("%T has no member for the field %s of its message", pair.of, name)
		}
	}
}

// TestMessagesHaveAllThatTheAPIHas converts a model and a version that have a value in each field.
func TestMessagesHaveAllThatTheAPIHas(t *testing.T) {
	t.Parallel()
	var m api.Model
	fill(t, reflect.ValueOf(&m).Elem())
	model, err := modelMessage(&m)
	if err != nil {
		t.Fatal(err)
	}
	assertFilled(t, model.ProtoReflect())

	var v api.Version
	fill(t, reflect.ValueOf(&v).Elem())
	version, err := versionMessage(&v)
	if err != nil {
		t.Fatal(err)
	}
	assertFilled(t, version.ProtoReflect())
}

// TestRequestsHaveAllThatTheirMessagesHave converts requests whose messages have a value in each field.
func TestRequestsHaveAllThatTheirMessagesHave(t *testing.T) {
	t.Parallel()
	var m api.Model
	fill(t, reflect.ValueOf(&m).Elem())
	model, err := modelMessage(&m)
	if err != nil {
		t.Fatal(err)
	}

	in := &maasv1.CreateModelRequest{Name: string(m.Model.Name)}
	for field := range fieldsOf(in) {
		if same := model.ProtoReflect().Descriptor().Fields().ByName(field.Name()); same != nil {
			in.ProtoReflect().Set(field, model.ProtoReflect().Get(same))
		}
	}
	created, err := createModelOf(in)
	if err != nil {
		t.Fatal(err)
	}
	assertNoneZero(t, reflect.ValueOf(created))

	var updated api.UpdateModelRequest
	for _, name := range members(reflect.TypeOf(updated)) {
		if err := takeField(&updated, name, model); err != nil {
			t.Errorf("a mask with %s: %v", name, err)
		}
	}
	assertNoneZero(t, reflect.ValueOf(updated))
}

// members returns the names of a struct's members in JSON.
func members(of reflect.Type) []string {
	var names []string
	for field := range of.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// fieldsOf yields the fields of a message.
func fieldsOf(m proto.Message) func(yield func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if !yield(fields.Get(i)) {
				return
			}
		}
	}
}

// assertFilled fails the test for each field of the message, and of ours within it, that is not set.
func assertFilled(t *testing.T, m protoreflect.Message) {
	t.Helper()
	for field := range fieldsOf(m.Interface()) {
		value := m.Get(field)
		switch {
		case !m.Has(field):
			t.Errorf("%s is not set", field.FullName())
		case field.Message() == nil || !strings.HasPrefix(string(field.Message().FullName()), "maas."):
		case field.IsList():
			assertFilled(t, value.List().Get(0).Message())
		default:
			assertFilled(t, value.Message())
		}
	}
}

// assertNoneZero fails the test for each member of the struct that is zero.
func assertNoneZero(t *testing.T, of reflect.Value) {
	t.Helper()
	for field, value := range of.Fields() {
		if field.Tag.Get("json") != "" && value.IsZero() {
			t.Errorf("%s.%s is not set", of.Type(), field.Name)
		}
	}
}

// texts has, for each type of the API that has a syntax, a text that it accepts.
var texts = []string{"acme/fraud", "1.0.0", strings.Repeat("ab", 32), "2026-01-02T03:04:05Z", "0190a6b0-0000-7000-8000-000000000001"}

// fill sets every field below a value to something that is not zero.
func fill(t *testing.T, of reflect.Value) {
	t.Helper()
	if read, ok := reflect.TypeAssert[encoding.TextUnmarshaler](of.Addr()); ok {
		for _, text := range texts {
			if read.UnmarshalText([]byte(text)) == nil {
				return
			}
		}
	}
	switch of.Kind() {
	case reflect.String:
		of.SetString("a")
	case reflect.Bool:
		of.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		of.SetInt(1)
	case reflect.Pointer:
		of.Set(reflect.New(of.Type().Elem()))
		fill(t, of.Elem())
	case reflect.Slice:
		of.Set(reflect.MakeSlice(of.Type(), 1, 1))
		fill(t, of.Index(0))
	case reflect.Map:
		of.Set(reflect.MakeMap(of.Type()))
		of.SetMapIndex(reflect.ValueOf("a"), reflect.ValueOf("b"))
	case reflect.Struct:
		for _, field := range of.Fields() {
			fill(t, field)
		}
	default:
		t.Fatalf("%s: nothing is known to set it to", of.Type())
	}
}
