package formats

import "fmt"

// elements are TensorProto.DataType's, with the protocol's names where it has them (Open Inference Protocol, Tensor Data Types).
var elements = map[int64]element{
	1:  {"FP32", 32, true},
	2:  {"UINT8", 8, true},
	3:  {"INT8", 8, true},
	4:  {"UINT16", 16, true},
	5:  {"INT16", 16, true},
	6:  {"INT32", 32, true},
	7:  {"INT64", 64, true},
	8:  {"BYTES", 0, true},
	9:  {"BOOL", 8, true},
	10: {"FP16", 16, true},
	11: {"FP64", 64, true},
	12: {"UINT32", 32, true},
	13: {"UINT64", 64, true},
	14: {"COMPLEX64", 64, false},
	15: {"COMPLEX128", 128, false},
	16: {"BF16", 16, false},
	17: {"FLOAT8E4M3FN", 8, false},
	18: {"FLOAT8E4M3FNUZ", 8, false},
	19: {"FLOAT8E5M2", 8, false},
	20: {"FLOAT8E5M2FNUZ", 8, false},
	21: {"UINT4", 4, false},
	22: {"INT4", 4, false},
	23: {"FLOAT4E2M1", 4, false},
	24: {"FLOAT8E8M0", 8, false},
	25: {"UINT2", 2, false},
	26: {"INT2", 2, false},
}

// elementOf returns the type of a TensorProto.DataType. An unknown number gets a name that shows it, and no raw form.
func elementOf(kind int64) element {
	if known, ok := elements[kind]; ok {
		return known
	}
	return element{name: fmt.Sprintf("ONNX type %d", kind)}
}
