package ort

/*
#include <string.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/openinference"
)

// newValue returns a copy of the tensor in ONNX Runtime's memory, aligned as its kernels need it. The caller releases it. The tensor must have
// passed Tensor.Check. It fails with an *Error if ONNX Runtime does, as for want of memory.
func (l *Library) newValue(t *openinference.Tensor) (*C.OrtValue, error) {
	element, ok := elementOf(t.Datatype)
	if !ok {
		return nil, fault.New(fault.Internal, fmt.Sprintf("no ONNX type for %q", t.Datatype), fault.Op("ort.newValue"))
	}
	var value *C.OrtValue
	var memory unsafe.Pointer
	shape := (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(t.Shape)))
	if err := l.check(C.maas_new_tensor(l.c, element, shape, C.size_t(len(t.Shape)), &value, &memory)); err != nil {
		return nil, err
	}
	if t.Datatype == openinference.Bytes {
		return l.fillStrings(value, t)
	}
	if len(t.Data) > 0 {
		copy(unsafe.Slice((*byte)(memory), len(t.Data)), t.Data)
	}
	return value, nil
}

// fillStrings copies the strings of t into value and returns it. If it fails, it releases value.
func (l *Library) fillStrings(value *C.OrtValue, t *openinference.Tensor) (*C.OrtValue, error) {
	count, err := t.Elements()
	if err == nil {
		data := (*C.uchar)(unsafe.SliceData(t.Data))
		err = l.check(C.maas_fill_strings(l.c, value, data, C.size_t(count)))
	}
	if err != nil {
		C.maas_release_value(l.c, value)
		return nil, err
	}
	return value, nil
}

// read returns a copy of a value in ONNX Runtime's memory, without a name. It fails with an *Error if the value is no tensor that the protocol
// has.
func (l *Library) read(value *C.OrtValue) (t openinference.Tensor, err error) {
	var tensor C.maas_tensor
	if err := l.check(C.maas_look(l.c, value, &tensor)); err != nil {
		return t, err
	}
	datatype, ok := datatypeOf(tensor._type)
	if tensor.is_tensor == 0 || !ok {
		return t, &Error{Message: "an output is no tensor of a type that the protocol knows"}
	}
	t.Datatype, t.Shape = datatype, shapeOf(&tensor)
	if datatype == openinference.Bytes {
		t.Data, err = l.readStrings(value, tensor.count)
		return t, err
	}
	if size := int(tensor.count) * datatype.Size(); size > 0 {
		t.Data = append(t.Data, unsafe.Slice((*byte)(tensor.data), size)...)
	}
	return t, nil
}

// readStrings returns a copy of the count strings of a value, encoded as Tensor.Data has them.
func (l *Library) readStrings(value *C.OrtValue, count C.size_t) ([]byte, error) {
	var size C.size_t
	if err := l.check(C.maas_read_strings(l.c, value, count, nil, &size)); err != nil || size == 0 {
		return nil, err
	}
	data := make([]byte, size)
	return data, l.check(C.maas_read_strings(l.c, value, count, (*C.uchar)(unsafe.SliceData(data)), &size))
}

// shapeOf returns the tensor's shape; -1 stands for a dimension of any size.
func shapeOf(t *C.maas_tensor) []int64 {
	shape := make([]int64, t.rank)
	for i := range shape {
		shape[i] = int64(t.shape[i])
	}
	return shape
}

// elementOf returns ONNX Runtime's element type for a datatype, and false if there is none.
func elementOf(d openinference.Datatype) (C.ONNXTensorElementDataType, bool) {
	for _, pair := range pairs() {
		if pair.datatype == d {
			return pair.element, true
		}
	}
	return 0, false
}

// datatypeOf returns the protocol's datatype for an element type, and false if there is none.
func datatypeOf(element C.ONNXTensorElementDataType) (openinference.Datatype, bool) {
	for _, pair := range pairs() {
		if pair.element == element {
			return pair.datatype, true
		}
	}
	return "", false
}

type pair struct {
	datatype openinference.Datatype
	element  C.ONNXTensorElementDataType
}

// pairs maps the protocol's datatypes to ONNX Runtime's element types.
func pairs() [13]pair {
	return [...]pair{
		{openinference.FP32, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
		{openinference.Int64, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
		{openinference.Bytes, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
		{openinference.Bool, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
		{openinference.Uint8, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
		{openinference.Uint16, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
		{openinference.Uint32, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
		{openinference.Uint64, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
		{openinference.Int8, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
		{openinference.Int16, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
		{openinference.Int32, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
		{openinference.FP16, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
		{openinference.FP64, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
	}
}
