package formatstest

import (
	"encoding/binary"
	"fmt"
)

// integer is TensorProto.INT64.
const integer = 7

// Folding returns an ONNX model of some kilobytes that takes much memory to load, since ONNX Runtime computes its constants then: as many products
// of float matrices as steps says, each of side × side × 4 bytes and needed to the end. It answers y = x + their sum: FP32 x [1], FP32 y [side,
// side].
func Folding(side int64, steps int) []byte {
	graph := Proto{}.Message(5, integers("shape", side, side))
	quarter := Proto{}.Text(1, "value").Message(5, Proto{}.Int(1, 1).Int(2, float).Text(9, "\x00\x00\x80\x3e")).Int(20, 4) // 0.25
	graph = graph.Message(1, append(Node("ConstantOfShape", "c0", "shape"), Proto{}.Message(5, quarter)...))
	for n := 1; n <= steps; n++ {
		graph = graph.Message(1, Node("MatMul", fmt.Sprint("c", n), fmt.Sprint("c", n-1), "c0"))
	}
	sum := "x"
	for n := 1; n <= steps; n++ {
		total := fmt.Sprint("sum", n)
		graph = graph.Message(1, Node("Add", total, sum, fmt.Sprint("c", n)))
		sum = total
	}
	graph = graph.Message(1, Node("Identity", "y", sum))
	return Model(graph.Message(11, Value("x", float, 1)).Message(12, Value("y", float, side, side)), "folding")
}

// Filling returns an ONNX model of a hundred bytes whose run takes as much memory as the caller asks for: INT64 n [1] floats, of which it returns
// the largest, FP32 y [1].
func Filling() []byte {
	graph := Proto{}.Message(1, Node("ConstantOfShape", "all", "n")).Message(1, Node("ReduceMax", "y", "all"))
	return Model(graph.Message(11, Value("n", integer, 1)).Message(12, Value("y", float, 1)), "filling")
}

// integers returns a TensorProto of the name with a row of INT64.
func integers(name string, row ...int64) Proto {
	var raw []byte
	for _, n := range row {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(n))
	}
	return Proto{}.Int(1, int64(len(row))).Int(2, integer).Text(8, name).Text(9, string(raw))
}
