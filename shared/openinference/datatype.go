package openinference

import (
	"strings"

	"github.com/17882237881/MaaS/api/fault"
)

// Datatype is the type of a tensor's elements, by the protocol's name.
type Datatype string

// The thirteen datatypes that the protocol and ONNX share.
const (
	Bool   Datatype = "BOOL"
	Uint8  Datatype = "UINT8"
	Uint16 Datatype = "UINT16"
	Uint32 Datatype = "UINT32"
	Uint64 Datatype = "UINT64"
	Int8   Datatype = "INT8"
	Int16  Datatype = "INT16"
	Int32  Datatype = "INT32"
	Int64  Datatype = "INT64"
	FP16   Datatype = "FP16"
	FP32   Datatype = "FP32"
	FP64   Datatype = "FP64"
	Bytes  Datatype = "BYTES"
)

// Datatypes returns the thirteen datatypes, in the protocol's order.
func Datatypes() []Datatype {
	return []Datatype{Bool, Uint8, Uint16, Uint32, Uint64, Int8, Int16, Int32, Int64, FP16, FP32, FP64, Bytes}
}

// ParseDatatype returns the datatype of a name, which is in capitals. It fails with Invalid if there is none, and for BF16.
func ParseDatatype(name string) (Datatype, error) {
	d := Datatype(name)
	if name == "BF16" {
		return "", fault.New(fault.Invalid, "BF16 is not supported: send the tensor as FP16 or FP32")
	}
	if d != Bytes && d.Size() == 0 {
		return "", fault.New(fault.Invalid, quoted(name)+" is no datatype: it is one of "+datatypeNames())
	}
	return d, nil
}

// Size returns the length of one element in bytes; 0 for Bytes, whose elements have lengths of their own, and for what is no datatype.
func (d Datatype) Size() int {
	switch d {
	case Bool, Uint8, Int8:
		return 1
	case Uint16, Int16, FP16:
		return 2
	case Uint32, Int32, FP32:
		return 4
	case Uint64, Int64, FP64:
		return 8
	default:
		return 0
	}
}

// datatypeNames returns the names of all datatypes, separated by commas.
func datatypeNames() string {
	names := make([]string, 0, len(Datatypes()))
	for _, d := range Datatypes() {
		names = append(names, string(d))
	}
	return strings.Join(names, ", ")
}
