package formats_test

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// The tables of a model: their fields in the schema's order.
func tflTensor(name string, kind uint8, buffer uint32, shape ...int32) flat {
	return flat{flatInts(shape), kind, buffer, name}
}

func tflGraph(tensors flatTables, inputs, outputs flatInts, operators ...flat) flat {
	return flat{tensors, inputs, outputs, flatTables(operators), "main"}
}

// tflModel has three buffers: of no bytes, 8 and 16; and three operators: ADD, a custom one, STABLEHLO_ADD.
func tflModel(graphs ...flat) flat {
	return flat{
		uint32(3), flatTables{{uint8(0), nil, uint32(1)}, {uint8(32), "Mystery", uint32(1), uint32(32)}, {uint8(127), nil, uint32(1), uint32(163)}},
		flatTables(graphs), "test", flatTables{{}, {flatBytes("12345678")}, {flatBytes("1234567812345678")}},
	}
}

// tflAdd is y = x + w.
func tflAdd(more ...flat) flat {
	tensors := append(flatTables{tflTensor("x", 0, 0, 1, 2), tflTensor("w", 0, 1, 2), tflTensor("y", 0, 0, 1, 2)}, more...)
	return tflGraph(tensors, flatInts{0}, flatInts{2}, flat{uint32(0), flatInts{0, 1}, flatInts{2}})
}

func TestATensorFlowLiteModelOfAnotherWriterIsRead(t *testing.T) {
	t.Parallel()

	m, err := recogniseAs("model.tflite", string(fixture(t, "add.tflite")))

	want := formats.Model{
		Format: formats.TFLite, Producer: "made with flatbuffers for Python", Parameters: 6,
		Inputs:    []formats.TensorInfo{{Name: "x", Datatype: "FP32", Shape: []int64{-1, 4}}},
		Outputs:   []formats.TensorInfo{{Name: "y", Datatype: "FP32", Shape: []int64{-1, 4}}},
		Tensors:   []formats.TensorInfo{{Name: "w", Datatype: "FP32", Shape: []int64{4}}, {Name: "shape", Datatype: "INT32", Shape: []int64{2}}},
		Operators: []formats.Operator{{Type: "ADD", Count: 1}, {Type: "RESHAPE", Count: 1}},
		External:  []formats.ExternalFile{}, Findings: []formats.Finding{},
	}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("read\n%+v, %v, want\n%+v", m, err, want)
	}
}

func TestOperatorsThatTensorFlowLiteDoesNotHaveAreFindings(t *testing.T) {
	t.Parallel()
	add := tflAdd()
	add[3] = flatTables{{uint32(0), flatInts{0, -1}, flatInts{2}}, {uint32(1), flatInts{0}, flatInts{2}}, {uint32(2)}}
	inner := tflGraph(flatTables{tflTensor("", 5, 2)}, flatInts{}, flatInts{0}, flat{uint32(1)})

	m, err := recogniseAs("model.tflite", flatbuffer(tflModel(add, inner)))

	want := []formats.Operator{{Type: "ADD", Count: 1}, {Type: "STABLEHLO_ADD", Count: 1}, {Domain: "custom", Type: "Mystery", Count: 2}}
	if err != nil || !reflect.DeepEqual(m.Operators, want) {
		t.Errorf("operators are %v, %v", m.Operators, err)
	}
	if len(m.Findings) != 1 || m.Findings[0].Code != "custom_operator" || !strings.Contains(m.Findings[0].Detail, "Mystery") {
		t.Errorf("findings are %v", m.Findings)
	}
	if last := m.Tensors[len(m.Tensors)-1]; last.Name != "tensor 0" || last.Datatype != "BYTES" {
		t.Errorf("the tensor without a name is %v", last)
	}
}

func TestWhatIsSaidOfATensorIsFollowed(t *testing.T) {
	t.Parallel()
	list := func(kind uint8, vector any) flat { return flat{uint8(1), nil, kind, flat{vector}, kind, flat{vector}} }
	sparse := flat{flatInts{0, 1}, flatInts{0}, flatTables{{uint8(0), uint32(4)}, list(1, flatInts{0}), list(3, flatBytes("1"))}}
	scales := flat{nil, nil, flatRaw{0x3f800000}, flatLongs{0}}
	for name, tensor := range map[string]flat{
		"sparse":           {flatInts{64, 64}, uint8(0), uint32(1), "w", nil, nil, sparse},
		"quantized":        {flatInts{8}, uint8(9), uint32(1), "w", scales},
		"quantized freely": {flatInts{8}, uint8(9), uint32(1), "w", flat{nil, nil, nil, nil, uint8(1), flat{flatBytes("x")}}},
		"on more axes":     {flatInts{8}, uint8(9), uint32(1), "w", flat{nil, nil, nil, nil, uint8(3), flat{nil, nil, nil, flatInts{0, 1}}}},
		"of half bytes":    {flatInts{15}, uint8(17), uint32(1), "w"},
		"a variant":        {flatInts{}, uint8(14), uint32(0), "w", nil, nil, nil, nil, nil, flatTables{{flatInts{2}, uint8(0)}}},
	} {
		if m, err := recogniseAs("model.tflite", flatbuffer(tflModel(tflAdd(tensor)))); err != nil || m.Format != formats.TFLite {
			t.Errorf("%s: %v, %v", name, m.Format, err)
		}
	}
}

func TestDataBehindTheFlatbufferIsRead(t *testing.T) {
	t.Parallel()
	behind := func(offset, size uint64) string {
		m := tflModel(tflAdd())
		m[4] = flatTables{{}, {nil, offset, size}}
		return flatbuffer(m) + "12345678"
	}
	size := uint64(len(behind(0, 0)))

	m, err := recogniseAs("model.tflite", behind(size-8, 8))

	if err != nil || len(m.Tensors) != 1 || m.Parameters != 2 {
		t.Errorf("read %v, %v", m.Tensors, err)
	}
	assertRefusedAs(t, "m.tflite", behind(size-7, 8), formats.Truncated, "data of 8 bytes")
	assertRefusedAs(t, "m.tflite", behind(math.MaxUint64, 8), formats.Truncated, "data of 8 bytes")
	assertRefusedAs(t, "m.tflite", behind(size-8, math.MaxUint64), formats.Truncated, "data of 18446744073709551615 bytes")
}

func TestExternalBuffersOfTensorFlowLiteAreListed(t *testing.T) {
	t.Parallel()
	file := func(path string, buffers ...flat) string {
		outside := tflTensor("v", 0, 0, 4)
		m := tflModel(tflAdd(append(outside, nil, nil, nil, nil, nil, nil, uint32(7))))
		return flatbuffer(append(m, nil, nil, nil, flatTables{{path}}, flatTables(buffers)))
	}
	part := func(id, group uint32, offset, length uint64) flat { return flat{id, group, offset, length} }

	m, err := recogniseAs("a/model.tflite", file("w/all.bin", part(7, 0, 16, 16), part(8, 0, 0, 16)))

	if err != nil || !reflect.DeepEqual(m.External, []formats.ExternalFile{{Path: "w/all.bin", Size: 32, Tensors: 2}}) || m.Parameters != 6 {
		t.Errorf("external files are %v, %v", m.External, err)
	}
	for _, path := range []string{"../w.bin", "/etc/passwd", "file:///etc/passwd", `..\w`, "", "a\u202eb", "."} {
		assertRefusedAs(t, "m.tflite", file(path, part(7, 0, 0, 16)), formats.UnsafeReference, "not a file beside it")
	}
	assertRefusedAs(t, "m.tflite", file("m.tflite", part(7, 0, 0, 16)), formats.UnsafeReference, "the model file itself")
	assertRefusedAs(t, "m.tflite", file("w\x00", part(7, 0, 0, 16)), formats.Malformed, "control character")
	assertRefusedAs(t, "m.tflite", file("w", part(7, 1, 0, 16)), formats.Malformed, "file 1 of 1")
	assertRefusedAs(t, "m.tflite", file("w", part(7, 0, 0, 16), part(7, 0, 16, 16)), formats.Malformed, "the external buffer 7 twice")
	assertRefusedAs(t, "m.tflite", file("w", part(6, 0, 0, 16)), formats.Malformed, "which is not there")
	assertRefusedAs(t, "m.tflite", file("w", part(7, 0, math.MaxUint64, 16)), formats.Malformed, "beyond the end of any")
}

func TestHostileTensorFlowLiteModelsAreRefused(t *testing.T) {
	t.Parallel()
	with := func(field int, value any) flat {
		m := tflModel(tflAdd())
		m[field] = value
		return m
	}
	graph := func(field int, value any) flat {
		g := tflAdd()
		g[field] = value
		return tflModel(g)
	}
	operator := func(fields ...any) flat { return graph(3, flatTables{fields}) }
	tensor := func(fields ...any) flat { return tflModel(tflAdd(fields)) }
	long := strings.Repeat("n", 1025)
	described := func(slot int, tables ...flat) flat { // metadata, signature_defs
		m := append(tflModel(tflAdd()), nil, nil, nil)
		m[slot] = flatTables(tables)
		return m
	}
	signature := func(fields ...any) flat { return described(7, fields) }
	part := func(slot int, value any) flat { // of a tensor's table
		fields := make(flat, 10)
		fields[slot] = value
		return tensor(fields...)
	}
	beyond := flatRaw{0xffffff00} // a table whose list of fields lies beyond the file
	lying := flat{beyond, beyond, beyond, beyond, beyond}
	dimension := flat{uint8(1), nil, uint8(4), lying}
	for name, c := range map[string]struct {
		model flat
		want  formats.Code
		words string
	}{
		"version 2":               {with(0, uint32(2)), formats.Malformed, "version 2 of the schema"},
		"no version":              {with(0, nil), formats.Malformed, "version 0"},
		"no subgraph":             {with(2, nil), formats.Malformed, "no subgraph"},
		"1025 subgraphs":          {with(2, make(flatTables, 1025)), formats.TooComplex, "1025 subgraphs"},
		"a negative operator":     {with(1, flatTables{{uint8(0xff), nil, nil, uint32(0xffffffff)}}), formats.Malformed, "the operator -1"},
		"an unknown operator":     {with(1, flatTables{{uint8(127), nil, nil, uint32(1000)}}), formats.Malformed, "the operator 1000"},
		"a custom one unnamed":    {with(1, flatTables{{uint8(32)}}), formats.Malformed, "without a name"},
		"a long custom name":      {with(1, flatTables{{uint8(32), long}}), formats.Malformed, "1025 bytes"},
		"a name with a NUL":       {with(1, flatTables{{uint8(32), "a\x00b"}}), formats.Malformed, "control character"},
		"data in two places":      {with(4, flatTables{{flatBytes("x"), uint64(8), uint64(1)}}), formats.Malformed, "in two places"},
		"no buffers":              {with(4, nil), formats.Malformed, "buffer 1 of 0"},
		"no output":               {graph(2, flatInts{}), formats.Malformed, "no output"},
		"an output beyond":        {graph(2, flatInts{3}), formats.Malformed, "tensor 3 of 3"},
		"an input of -1":          {graph(1, flatInts{-1}), formats.Malformed, "tensor -1 of 3"},
		"an input twice":          {graph(1, flatInts{0, 0}), formats.Malformed, `the input "x" twice`},
		"too many inputs":         {graph(1, make(flatInts, 4097)), formats.Malformed, "4097 numbers"},
		"an input unnamed":        {graph(0, flatTables{tflTensor("", 0, 0), tflTensor("y", 0, 0), tflTensor("z", 0, 0)}), formats.Malformed, "without a name"},
		"an input of a long name": {graph(0, flatTables{tflTensor(long, 0, 0), tflTensor("y", 0, 0), tflTensor("z", 0, 0)}), formats.Malformed, "1025 bytes"},
		"an input of a resource": {graph(0, flatTables{tflTensor("x", 13, 0), tflTensor("y", 0, 0), tflTensor("z", 0, 0)}), formats.UnsupportedType,
			"RESOURCE, which the Open Inference Protocol cannot carry"},
		"an input of -2 rows":    {graph(0, flatTables{tflTensor("x", 0, 0, -2), tflTensor("y", 0, 0), tflTensor("z", 0, 0)}), formats.Malformed, "shape [-2]"},
		"an unknown type":        {tensor(nil, uint8(23)), formats.Malformed, "the type 23"},
		"a buffer beyond":        {tensor(nil, uint8(0), uint32(3)), formats.Malformed, "buffer 3 of 3"},
		"less data than shape":   {tensor(flatInts{3}, uint8(0), uint32(1)), formats.Malformed, "has 8 bytes for the tensor"},
		"a shape of 2^31 each":   {tensor(flatInts{math.MaxInt32, math.MaxInt32, math.MaxInt32}, uint8(0), uint32(1)), formats.Malformed, "with the shape"},
		"a negative shape":       {tensor(flatInts{-2}, uint8(0), uint32(1)), formats.Malformed, "with the shape"},
		"many dimensions":        {tensor(make(flatInts, 65)), formats.Malformed, "65 numbers"},
		"a call of no operator":  {operator(uint32(3)), formats.Malformed, "operator 3 of 3"},
		"a tensor beyond":        {operator(uint32(0), flatInts{3}), formats.Malformed, "tensor 3 of 3"},
		"a tensor of -2":         {operator(uint32(0), nil, flatInts{-2}), formats.Malformed, "tensor -2 of 3"},
		"an inner tensor beyond": {operator(uint32(0), nil, nil, nil, nil, nil, nil, nil, flatInts{9}), formats.Malformed, "tensor 9 of 3"},
		"custom options beyond":  {operator(uint32(0), nil, nil, nil, nil, nil, nil, nil, nil, uint64(1<<40), uint64(1)), formats.Truncated, "data of 1 bytes"},
		"options that are none":  {operator(uint32(0), nil, nil, uint8(11), flatRaw{0xffffff00}), formats.Malformed, "fields are listed"},
		"vectors of options":     {operator(uint32(0), nil, nil, uint8(17), flat{flatCount(1 << 20)}), formats.Malformed, "1048576 elements of 4 bytes"},
		"more vectors of options": {operator(uint32(0), nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, uint8(3), flat{nil, flatCount(1 << 20)}),
			formats.Malformed, "1048576 elements of 8 bytes"},
		"scales":                  {part(4, flat{nil, nil, flatCount(1 << 20)}), formats.Malformed, "1048576 elements of 4 bytes"},
		"metadata beyond":         {described(6, flat{"name", uint32(3)}), formats.Malformed, "metadata in buffer 3 of 3"},
		"a signature beyond":      {signature(nil, nil, "key", nil, uint32(1)), formats.Malformed, "subgraph 1 of 1"},
		"a signature of none":     {signature(nil, flatTables{{"y", uint32(3)}}), formats.Malformed, "tensor 3 of 3"},
		"sparsity that is none":   {part(6, beyond), formats.Malformed, "fields are listed"},
		"a list of no type":       {part(6, flat{nil, nil, flatTables{dimension}}), formats.Malformed, "a list of the type 4"},
		"quantization of none":    {part(4, beyond), formats.Malformed, "fields are listed"},
		"an inner type of none":   {part(9, flatRaw{4, 0}), formats.Malformed, "fields are listed"},
		"an offset of 0":          {with(2, flatRaw{0}), formats.Malformed, "where nothing can be"},
		"an offset of 2^32-1":     {with(2, flatRaw{0xffffffff}), formats.Malformed, "where nothing can be"},
		"an odd offset":           {with(2, flatRaw{3, 0, 0}), formats.Malformed, "where nothing can be"},
		"a long vector of tables": {with(2, flatRaw{8, 0xffffffff, 0}), formats.Malformed, "byte"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "model.tflite", flatbuffer(c.model), c.want, c.words)
		})
	}
}

func TestFlatbuffersThatLieAreRefused(t *testing.T) {
	t.Parallel()
	file := flatbuffer(tflModel(tflAdd()))
	root := int(binary.LittleEndian.Uint32([]byte(file)))
	kind := root - int(binary.LittleEndian.Uint32([]byte(file)[root:]))
	description := strings.Index(file, "test\x00")
	for name, c := range map[string]struct{ file, words string }{
		"a root of 0":                   {poke(file, 0, uint32(0)), "points to byte 0"},
		"a root that is odd":            {poke(file, 0, uint32(root+2)), "where nothing can be"},
		"a root beyond the file":        {poke(file, 0, uint32(len(file))), "where nothing can be"},
		"a root of 2^32-1":              {poke(file, 0, uint32(math.MaxUint32)), "where nothing can be"},
		"fields before the file":        {poke(file, root, uint32(root+2)), "where nothing can be"},
		"fields behind the file":        {poke(file, root, uint32(0x80000000)), "where nothing can be"},
		"fields at an odd place":        {poke(file, root, uint32(root-kind+1)), "where nothing can be"},
		"fields of no bytes":            {poke(file, kind, uint16(0)), "listed in 0 bytes"},
		"fields of an odd size":         {poke(file, kind, uint16(5)), "listed in 5 bytes"},
		"fields beyond the file":        {poke(file, kind, uint16(65534)), "listed in 65534 bytes"},
		"a table of no bytes":           {poke(file, kind+2, uint16(0)), "a table of 0 bytes"},
		"a table beyond the file":       {poke(file, kind+2, uint16(65535)), "a table of 65535 bytes"},
		"a field in the table's head":   {poke(file, kind+4, uint16(2)), "field 0 is at 2"},
		"a field that ends behind it":   {poke(file, kind+4, uint16(8+8*5-2)), "field 0 is at 46"},
		"a field far behind it":         {poke(file, kind+4, uint16(65532)), "field 0 is at 65532"},
		"a field at an odd place":       {poke(file, kind+4, uint16(9)), "field 0 is at 9"},
		"a field that points to itself": {poke(file, root+8+8, uint32(0)), "points to byte"},
		"a text longer than the file":   {poke(file, description-4, uint32(1<<30)), "1073741824 elements of 1 bytes"},
		"a text of 2^32-1":              {poke(file, description-4, uint32(math.MaxUint32)), "4294967295 elements of 1 bytes"},
		"a text without its NUL":        {poke(file, description-4, uint32(3)), "does not end with a NUL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "model.tflite", c.file, formats.Malformed, c.words)
		})
	}
}

func TestACutOrChangedFlatbufferDoesNoHarm(t *testing.T) {
	t.Parallel()
	for _, file := range []string{flatbuffer(tflModel(tflAdd(), tflAdd())), string(fixture(t, "add.tflite"))} {
		for n := 8; n < len(file); n += 4 {
			_, _ = recogniseAs("model.tflite", file[:n])
			for _, number := range []uint32{0, 1, 4, 0x7fffffff, 0x80000000, math.MaxUint32} {
				_, _ = recogniseAs("model.tflite", poke(file, n-4, number))
			}
		}
	}
}

func TestAModelThatRefersToOneTableTooOftenIsRefused(t *testing.T) {
	t.Parallel()
	const operators = 1 << 20
	g := tflAdd()
	g[3] = make(flatRaw, operators)
	file := []byte(flatbuffer(tflModel(g)))
	vector := strings.Index(string(file), u32(operators)+u32(0))
	file, operator := appendFlat(file, flat{uint32(0), make(flatInts, 100)})
	for i := range operators { // each offset leads to the same operator
		at := vector + 4 + 4*i
		binary.LittleEndian.PutUint32(file[at:], uint32(operator-at))
	}

	assertRefusedAs(t, "model.tflite", string(file), formats.TooComplex, "more than 16777216 numbers in lists")
}
