package formats_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/formatstest"
)

// claimed is what most tests say of their file: that it is a model.
var claimed = formats.Claim{Path: "model.onnx"}

// recognise reads a file that is all in memory, and claims to be a model.
func recognise(b []byte) (formats.Model, error) {
	return formats.Recognise(bytes.NewReader(b), int64(len(b)), claimed)
}

// recogniseAs reads a file that is all in memory, under a name.
func recogniseAs[N ~string, T ~string | ~[]byte](name N, file T) (formats.Model, error) {
	return formats.Recognise(bytes.NewReader([]byte(file)), int64(len(file)), formats.Claim{Path: ref.Path(name)})
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

// assertRefused checks that b is refused with the code, and returns the sentence.
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

// codeOf returns the code of the refusal that an error is, "" for any other.
func codeOf(err error) formats.Code {
	refusal, _ := errors.AsType[*formats.Refusal](err)
	if refusal == nil {
		return ""
	}
	return refusal.Code
}

type proto = formatstest.Proto

// graph returns a GraphProto: an Identity from x to y.
func graph() proto {
	return proto{}.Message(1, node("Identity")).Message(11, formatstest.Value("x", 1, 2)).Message(12, formatstest.Value("y", 1, 2))
}

func node(kind string) proto { return formatstest.Node(kind, "y", "x") }

func model(graph proto) proto { return formatstest.Model(graph, "test") }
