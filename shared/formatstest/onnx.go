package formatstest

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Proto builds protobuf messages. The field numbers here are those of onnx.proto.
type Proto []byte

// Int appends a field with a number.
func (p Proto) Int(number protowire.Number, v int64) Proto {
	return protowire.AppendVarint(protowire.AppendTag(p, number, protowire.VarintType), uint64(v))
}

// Text appends a field with a string, or bytes.
func (p Proto) Text(number protowire.Number, s string) Proto {
	return protowire.AppendString(protowire.AppendTag(p, number, protowire.BytesType), s)
}

// Message appends a field with a message.
func (p Proto) Message(number protowire.Number, m Proto) Proto {
	return protowire.AppendBytes(protowire.AppendTag(p, number, protowire.BytesType), m)
}

// Value returns a ValueInfoProto of a tensor of the datatype kind. A negative extent may be any.
func Value(name string, kind int64, extents ...int64) Proto {
	shape := Proto{}
	for _, extent := range extents {
		dimension := Proto{}
		if extent < 0 {
			dimension = dimension.Text(2, "n")
		} else {
			dimension = dimension.Int(1, extent)
		}
		shape = shape.Message(1, dimension)
	}
	return Proto{}.Text(1, name).Message(2, Proto{}.Message(1, Proto{}.Int(1, kind).Message(2, shape)))
}

// Tensor returns a TensorProto of floats with its raw data.
func Tensor(name, raw string, extents ...int64) Proto {
	t := Proto{}
	for _, extent := range extents {
		t = t.Int(1, extent)
	}
	return t.Int(2, float).Text(8, name).Text(9, raw)
}

const float = 1 // TensorProto.DataType

// External returns a TensorProto of floats whose data lies in another file. entries are those of external_data: keys and values in turn.
func External(name string, extents []int64, entries ...string) Proto {
	t := Proto{}
	for _, extent := range extents {
		t = t.Int(1, extent)
	}
	t = t.Int(2, float).Text(8, name)
	for i := 0; i < len(entries); i += 2 {
		t = t.Message(13, Proto{}.Text(1, entries[i]).Text(2, entries[i+1]))
	}
	return t.Int(14, 1)
}

// Table describes a model that answers with rows of tables whose data lies side by side in another file, so that the answer depends on it:
// INT64 x [-1], FP32 y [-1, Columns], y = table0[x] + table1[x] + … .
type Table struct {
	Location      string // of the file, from the model's folder
	Rows, Columns int64  // of a table
	Tables        int64
}

// Size returns the size of the other file, in bytes.
func (t Table) Size() int64 { return t.Tables * t.one() }

// one returns the size of a table of float32 values in bytes.
func (t Table) one() int64 { return t.Rows * t.Columns * 4 }

// Model returns the encoded model. producer is a text in it, by which two models differ.
func (t Table) Model(producer string) []byte {
	graph, sum := Proto{}, ""
	for n := range t.Tables {
		table, rows := fmt.Sprintf("table%d", n), fmt.Sprintf("rows%d", n)
		graph = graph.Message(5, External(table, []int64{t.Rows, t.Columns},
			"location", t.Location, "offset", strconv.FormatInt(n*t.one(), 10), "length", strconv.FormatInt(t.one(), 10)))
		graph = graph.Message(1, Node("Gather", rows, table, "x"))
		if n > 0 {
			total := fmt.Sprintf("sum%d", n)
			graph = graph.Message(1, Node("Add", total, sum, rows))
			rows = total
		}
		sum = rows
	}
	graph = graph.Message(1, Node("Identity", "y", sum))
	return Model(graph.Message(11, Value("x", integer, -1)).Message(12, Value("y", float, -1, t.Columns)), producer)
}

// Node returns a NodeProto of the operator kind with one output.
func Node(kind, output string, inputs ...string) Proto {
	n := Proto{}
	for _, input := range inputs {
		n = n.Text(1, input)
	}
	return n.Text(2, output).Text(4, kind)
}

// Model returns a ModelProto of the graph. producer is a text in it, by which two models differ.
func Model(graph Proto, producer string) Proto {
	return Proto{}.Int(1, 9).Text(2, producer).Message(7, graph).Message(8, Proto{}.Int(2, 18))
}

// Mirror returns an ONNX model of about size bytes that returns its input: y = x, FP32 [-1,1024]. It has a layer for each 4 MiB. Models of
// different names have different bytes.
func Mirror(size int64, name string) []byte {
	const (
		width     = 1024
		layerSize = width * width * 4
	)
	graph := make(Proto, 0, size+layerSize)
	input := "x"
	weights := identity(width)
	layers := max(1, size/layerSize)
	for layer := range layers {
		output := fmt.Sprintf("h%d", layer)
		if layer == layers-1 {
			output = "y"
		}
		matrix := fmt.Sprintf("w%d", layer)
		graph = graph.Message(1, Node("MatMul", output, input, matrix)).Message(5, Tensor(matrix, weights, width, width))
		input = output
	}
	return Model(graph.Message(11, Value("x", float, -1, width)).Message(12, Value("y", float, -1, width)), name)
}

// identity returns the raw data of the identity matrix of floats, row by row, little-endian.
func identity(width int) string {
	data := make([]byte, 4*width*width)
	for i := range width {
		binary.LittleEndian.PutUint32(data[4*i*(width+1):], math.Float32bits(1))
	}
	return string(data)
}
