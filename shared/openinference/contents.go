package openinference

import (
	"encoding/binary"
	"fmt"
	"math"

	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// fromContents returns the tensor's data in raw form, converted from gRPC's typed contents. It fails with Invalid if
// the contents are not of the tensor's datatype, a number does not fit it, or the datatype has no typed contents
// (FP16). It does not set t.Data.
func (t *Tensor) fromContents(c *pb.InferTensorContents) ([]byte, error) {
	if err := t.checkContents(c); err != nil {
		return nil, err
	}
	switch t.Datatype {
	case Bool:
		return boolData(c.GetBoolContents()), nil
	case Int8, Int16, Int32:
		return intData(t, c.GetIntContents())
	case Uint8, Uint16, Uint32:
		return uintData(t, c.GetUintContents())
	case Int64:
		return wideData(c.GetInt64Contents()), nil
	case Uint64:
		return wideData(c.GetUint64Contents()), nil
	case FP32:
		return fp32Data(c.GetFp32Contents()), nil
	case FP64:
		return fp64Data(c.GetFp64Contents()), nil
	case Bytes:
		return bytesData(c.GetBytesContents()), nil
	default:
		return nil, t.invalid("contents", string(t.Datatype)+" has no typed contents: send it raw")
	}
}

// checkContents fails with Invalid if the contents have values of another type than the tensor's, which would be ignored.
func (t *Tensor) checkContents(c *pb.InferTensorContents) error {
	own := contentsOf(t.Datatype)
	for name, count := range map[string]int{
		"bool_contents": len(c.GetBoolContents()), "int_contents": len(c.GetIntContents()), "int64_contents": len(c.GetInt64Contents()),
		"uint_contents": len(c.GetUintContents()), "uint64_contents": len(c.GetUint64Contents()), "fp32_contents": len(c.GetFp32Contents()),
		"fp64_contents": len(c.GetFp64Contents()), "bytes_contents": len(c.GetBytesContents()),
	} {
		if count > 0 && own != "" && name != own {
			return t.invalid("contents", fmt.Sprintf("has %s: the values of %s go into %s alone", name, t.Datatype, own))
		}
	}
	return nil
}

// contentsOf returns the name of the typed contents for a datatype, "" if it has none.
func contentsOf(d Datatype) string {
	switch d {
	case Bool:
		return "bool_contents"
	case Int8, Int16, Int32:
		return "int_contents"
	case Int64:
		return "int64_contents"
	case Uint8, Uint16, Uint32:
		return "uint_contents"
	case Uint64:
		return "uint64_contents"
	case FP32:
		return "fp32_contents"
	case FP64:
		return "fp64_contents"
	case Bytes:
		return "bytes_contents"
	default:
		return ""
	}
}

// boolData returns the raw form of BOOL elements: a byte each, 0 or 1.
func boolData(values []bool) []byte {
	data := make([]byte, len(values))
	for i, v := range values {
		if v {
			data[i] = 1
		}
	}
	return data
}

// intData returns the raw form of signed integers of the tensor's datatype. It fails with Invalid if one does not fit.
func intData(t *Tensor, values []int32) ([]byte, error) {
	size := t.Datatype.Size()
	shift := 32 - 8*size
	data := make([]byte, 0, size*len(values))
	for i, v := range values {
		if v<<shift>>shift != v {
			return nil, t.invalid("contents", fmt.Sprintf("has %d at element %d, which is no %s", v, i, t.Datatype))
		}
		data = appendUint(data, uint64(v), size) //nolint:gosec // two's complement is the wire's form
	}
	return data, nil
}

// uintData returns the raw form of unsigned integers of the tensor's datatype. It fails with Invalid if one does not fit.
func uintData(t *Tensor, values []uint32) ([]byte, error) {
	size := t.Datatype.Size()
	data := make([]byte, 0, size*len(values))
	for i, v := range values {
		if uint64(v)>>(8*size) != 0 {
			return nil, t.invalid("contents", fmt.Sprintf("has %d at element %d, which is no %s", v, i, t.Datatype))
		}
		data = appendUint(data, uint64(v), size)
	}
	return data, nil
}

// wideData returns the raw form of integers of 64 bits.
func wideData[T int64 | uint64](values []T) []byte {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return data
}

// fp32Data returns the raw form of FP32 elements.
func fp32Data(values []float32) []byte {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}

// fp64Data returns the raw form of FP64 elements.
func fp64Data(values []float64) []byte {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	return data
}

// bytesData returns the raw form of BYTES elements: each is preceded by its length, 4 bytes little-endian.
func bytesData(values [][]byte) []byte {
	size := 4 * len(values)
	for _, v := range values {
		size += len(v)
	}
	data := make([]byte, 0, size)
	for _, v := range values {
		data = AppendString(data, v)
	}
	return data
}

// contents returns the tensor's data as gRPC's typed contents; FP16 has none.
//
//nolint:gosec // two's complement is the wire's form
func (t *Tensor) contents() *pb.InferTensorContents {
	le := binary.LittleEndian
	switch d := t.Data; t.Datatype {
	case Bool:
		return &pb.InferTensorContents{BoolContents: values(d, 1, func(b []byte) bool { return b[0] != 0 })}
	case Int8:
		return &pb.InferTensorContents{IntContents: values(d, 1, func(b []byte) int32 { return int32(int8(b[0])) })}
	case Int16:
		return &pb.InferTensorContents{IntContents: values(d, 2, func(b []byte) int32 { return int32(int16(le.Uint16(b))) })}
	case Int32:
		return &pb.InferTensorContents{IntContents: values(d, 4, func(b []byte) int32 { return int32(le.Uint32(b)) })}
	case Int64:
		return &pb.InferTensorContents{Int64Contents: values(d, 8, func(b []byte) int64 { return int64(le.Uint64(b)) })}
	case Uint8:
		return &pb.InferTensorContents{UintContents: values(d, 1, func(b []byte) uint32 { return uint32(b[0]) })}
	case Uint16:
		return &pb.InferTensorContents{UintContents: values(d, 2, func(b []byte) uint32 { return uint32(le.Uint16(b)) })}
	case Uint32:
		return &pb.InferTensorContents{UintContents: values(d, 4, le.Uint32)}
	case Uint64:
		return &pb.InferTensorContents{Uint64Contents: values(d, 8, le.Uint64)}
	case FP32:
		return &pb.InferTensorContents{Fp32Contents: values(d, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })}
	case FP64:
		return &pb.InferTensorContents{Fp64Contents: values(d, 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })}
	default:
		c := &pb.InferTensorContents{}
		for element := range t.Strings {
			c.BytesContents = append(c.BytesContents, element)
		}
		return c
	}
}

// values returns what value makes of each size bytes of data. Bytes that are left at the end are ignored.
func values[T any](data []byte, size int, value func([]byte) T) []T {
	out := make([]T, 0, len(data)/size)
	for ; len(data) >= size; data = data[size:] {
		out = append(out, value(data))
	}
	return out
}
