//go:build cluster

package cluster

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

const (
	width  = 1024 // of a layer: 4 MiB of weights
	float  = 1    // TensorProto.FLOAT
	ir     = 8
	opset  = 17
	small  = 1e-3
	layers = 25
)

// weights writes an ONNX model of a hundred megabytes, which multiplies a row of 1,024 numbers by 25 matrices, and a request of it. Another
// seed gives another model.
func weights(t testing.TB, seed int) (model, request string) {
	t.Helper()
	folder := t.TempDir()
	model, request = filepath.Join(folder, "model.onnx"), filepath.Join(folder, "request.json")
	graph := slices.Concat(text(2, "weights"), message(11, row("x")), message(12, row(fmt.Sprint("y", layers))))
	from := "x"
	for n := 1; n <= layers; n++ {
		to, matrix := fmt.Sprint("y", n), fmt.Sprint("w", n)
		graph = append(graph, message(1, slices.Concat(text(1, from), text(1, matrix), text(2, to), text(4, "MatMul")))...)
		graph = append(graph, message(5, slices.Concat(number(1, width), number(1, width), number(2, float), text(8, matrix), message(9, numbers(seed+n))))...)
		from = to
	}
	file := slices.Concat(number(1, ir), message(7, graph), message(8, number(2, opset)))
	e2etest.Must(t, os.WriteFile(model, file, 0o600))
	body := fmt.Sprintf(`{"inputs":[{"name":"x","shape":[1,%d],"datatype":"FP32","data":[1%s]}]}`, width, strings.Repeat(",0", width-1))
	e2etest.Must(t, os.WriteFile(request, []byte(body), 0o600))
	return model, request
}

// row returns a ValueInfoProto of a tensor of one row.
func row(name string) []byte {
	dimension := func(n uint64) []byte { return message(1, number(1, n)) }
	shape := message(2, slices.Concat(dimension(1), dimension(width)))
	return slices.Concat(text(1, name), message(2, message(1, slices.Concat(number(1, float), shape))))
}

// numbers are a matrix's, none like the next, so that no two chunks are the same.
func numbers(seed int) []byte {
	raw := make([]byte, 0, 4*width*width)
	state := uint32(seed)
	for range width * width {
		state = state*1664525 + 1013904223 // Numerical Recipes, 7.1
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(state)/math.MaxUint32*small))
	}
	return raw
}

func number(field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), n)
}

func message(field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), content)
}

func text(field protowire.Number, s string) []byte { return message(field, []byte(s)) }
