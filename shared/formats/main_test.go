package formats_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/17882237881/MaaS/shared/formats"
)

// recognise reads a file that is all in memory.
func recognise(b []byte) (formats.Model, error) {
	return formats.Recognise(bytes.NewReader(b), int64(len(b)))
}

// fixture reads a file of testdata. testdata/README.md says where they come from.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// assertRefused checks that b is refused with the code, and gives the sentence.
func assertRefused(t testing.TB, b []byte, want formats.Code) string {
	t.Helper()
	_, err := recognise(b)
	var refusal *formats.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("not refused: %v", err)
	}
	if refusal.Code != want {
		t.Fatalf("refused as %s, want %s: %s", refusal.Code, want, refusal.Detail)
	}
	return refusal.Detail
}

// proto builds protobuf messages, right and wrong ones.
type proto []byte

func (p proto) int(number protowire.Number, v int64) proto {
	return protowire.AppendVarint(protowire.AppendTag(p, number, protowire.VarintType), uint64(v))
}

func (p proto) text(number protowire.Number, s string) proto {
	return protowire.AppendString(protowire.AppendTag(p, number, protowire.BytesType), s)
}

func (p proto) message(number protowire.Number, m proto) proto {
	return protowire.AppendBytes(protowire.AppendTag(p, number, protowire.BytesType), m)
}

// The field numbers below are those of onnx.proto.

// value is a ValueInfoProto of a tensor.
func value(name string, kind int64, extents ...int64) proto {
	shape := proto{}
	for _, extent := range extents {
		shape = shape.message(1, proto{}.int(1, extent))
	}
	return proto{}.text(1, name).message(2, proto{}.message(1, proto{}.int(1, kind).message(2, shape)))
}

// tensor is a TensorProto of floats with its data.
func tensor(name string, raw string, extents ...int64) proto {
	t := proto{}
	for _, extent := range extents {
		t = t.int(1, extent)
	}
	return t.int(2, 1).text(8, name).text(9, raw)
}

// graph is a GraphProto: an Identity from x to y.
func graph() proto {
	return proto{}.message(1, node("Identity")).message(11, value("x", 1, 2)).message(12, value("y", 1, 2))
}

func node(kind string) proto { return proto{}.text(1, "x").text(2, "y").text(4, kind) }

// model is a ModelProto of a graph.
func model(graph proto) proto {
	return proto{}.int(1, 9).text(2, "test").message(7, graph).message(8, proto{}.int(2, 18))
}
