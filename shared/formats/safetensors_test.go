package formats_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// safetensorsFile returns a file with the header and the tensors' bytes.
func safetensorsFile(header, data string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + data
}

// assertRefusedAs checks that the file with the name is refused with the code and a sentence that has the words.
func assertRefusedAs[T ~string | ~[]byte](t testing.TB, path ref.Path, file T, want formats.Code, words string) {
	t.Helper()
	_, err := recogniseAs(path, file)
	refusal, _ := errors.AsType[*formats.Refusal](err)
	switch {
	case refusal == nil:
		t.Errorf("not refused: %v", err)
	case refusal.Code != want || !strings.Contains(refusal.Detail, words):
		t.Errorf("refused as %s: %s; want %s: %s", refusal.Code, refusal.Detail, want, words)
	case len(refusal.Detail) > 1000:
		t.Errorf("the sentence has %d bytes", len(refusal.Detail))
	}
}

func TestTheHeaderOfASafetensorsFileIsRead(t *testing.T) {
	t.Parallel()
	file := safetensorsFile(`{"__metadata__":{"format":"pt"},`+
		`"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[4,8]},"a":{"data_offsets":[0,4],"shape":[],"dtype":"F32"},`+
		`"none":{"dtype":"I64","shape":[0,3],"data_offsets":[8,8]},"f":{"dtype":"F4","shape":[2],"data_offsets":[8,9]}}  `, "123456789")

	m, err := recogniseAs("model.safetensors", file)

	want := []formats.TensorInfo{
		{Name: "b", Datatype: "BF16", Shape: []int64{2, 1}}, {Name: "a", Datatype: "FP32", Shape: []int64{}},
		{Name: "none", Datatype: "INT64", Shape: []int64{0, 3}}, {Name: "f", Datatype: "FLOAT4E2M1", Shape: []int64{2}},
	}
	if err != nil || m.Format != formats.Safetensors || m.Parameters != 5 || !reflect.DeepEqual(m.Tensors, want) {
		t.Errorf("read %+v, %v", m, err)
	}
}

func TestASafetensorsFileMayHaveNoTensors(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		`{}`, `{"__metadata__":{}}`, "{ \n}",
		`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`,
	} {
		if m, err := recogniseAs("w.safetensors", safetensorsFile(header, "")); err != nil || m.Format != formats.Safetensors {
			t.Errorf("%s: %v, %v", header, m.Format, err)
		}
	}
}

func TestHostileSafetensorsAreRefused(t *testing.T) {
	t.Parallel()
	tensor := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"dtype":%q,"shape":[%s],"data_offsets":[%s]}`, dtype, shape, offsets)
	}
	byteOf := func(offsets string) string { return tensor("U8", "1", offsets) }
	for name, c := range map[string]struct {
		header string
		words  string
	}{
		"an overlap":             {`{"a":` + tensor("U8", "2", "0,2") + `,"b":` + tensor("U8", "3", "1,4") + `}`, "the data of another overlaps"},
		"the same bytes twice":   {`{"a":` + tensor("U8", "4", "0,4") + `,"b":` + tensor("U8", "4", "0,4") + `}`, "the data of another overlaps"},
		"a gap":                  {`{"a":` + byteOf("0,1") + `,"b":` + byteOf("3,4") + `}`, "2 bytes that belong to no tensor"},
		"a gap in front":         {`{"a":` + tensor("U8", "3", "1,4") + `}`, "1 bytes that belong to no tensor"},
		"bytes behind the last":  {`{"a":` + byteOf("0,1") + `}`, "3 bytes that belong to no tensor"},
		"no tensors":             {`{}`, "4 bytes that belong to no tensor"},
		"more bytes than shape":  {`{"a":` + byteOf("0,4") + `}`, "its shape [1] takes 1"},
		"offsets in reverse":     {`{"a":` + tensor("U8", "4", "4,0") + `}`, "without its dtype, its shape or its data_offsets"},
		"one offset":             {`{"a":` + tensor("U8", "4", "4") + `}`, "data_offsets"},
		"three offsets":          {`{"a":` + tensor("U8", "4", "0,4,4") + `}`, "more than 2 numbers in a list"},
		"an offset beyond 2^63":  {`{"a":` + tensor("U8", "4", "0,9223372036854775808") + `}`, "where a whole number"},
		"a negative offset":      {`{"a":` + tensor("U8", "4", "-4,0") + `}`, "where a whole number"},
		"an offset of -0":        {`{"a":` + tensor("U8", "4", "-0,4") + `}`, "where a whole number"},
		"an offset of text":      {`{"a":` + tensor("U8", "4", `"0",4`) + `}`, "where a whole number"},
		"a broken offset":        {`{"a":` + tensor("U8", "4", `0,4.0`) + `}`, "where a whole number"},
		"a shape that overflows": {`{"a":` + tensor("F32", "4294967296,4294967296,4", "0,4") + `}`, "with the shape"},
		"2^62 × 2 bytes":         {`{"a":` + tensor("F16", "4611686018427387904", "0,4") + `}`, "with the shape"},
		"a negative extent":      {`{"a":` + tensor("U8", "-4", "0,4") + `}`, "where a whole number"},
		"many extents":           {`{"a":` + tensor("U8", strings.Repeat("1,", 64)+"4", "0,4") + `}`, "more than 64 numbers"},
		"an odd number of F4":    {`{"a":` + tensor("F4", "7", "0,4") + `}`, "no whole number of bytes"},
		"an unknown dtype":       {`{"a":` + tensor("F128", "4", "0,4") + `}`, `the dtype "F128"`},
		"a number for a dtype":   {`{"a":{"dtype":1,"shape":[4],"data_offsets":[0,4]}}`, "where a text has to be"},
		"no dtype":               {`{"a":{"shape":[4],"data_offsets":[0,4]}}`, "without its dtype"},
		"no shape":               {`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, "without its dtype"},
		"no offsets":             {`{"a":{"dtype":"F32","shape":[1]}}`, "without its dtype"},
		"an unknown member":      {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, `the key "x"`},
		"a tensor twice":         {`{"a":` + tensor("U8", "4", "0,4") + `,"a":` + tensor("U8", "4", "0,4") + `}`, `the key "a" twice`},
		"a tensor twice, once \\u escaped": {`{"a":` + tensor("U8", "4", "0,4") + `,"\u0061":` + tensor("U8", "4", "0,4") + `}`,
			`the key "a" twice`},
		"a member twice":           {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"shape":[1]}}`, `the key "shape" twice`},
		"metadata twice":           {`{"__metadata__":{},"__metadata__":{}}`, `the key "__metadata__" twice`},
		"a key of metadata twice":  {`{"__metadata__":{"a":"","a":""}}`, `the key "a" twice`},
		"a number in metadata":     {`{"__metadata__":{"a":1}}`, "where a text has to be"},
		"metadata that is null":    {`{"__metadata__":null}`, "has null where an object has to be"},
		"a tensor that is a list":  {`{"a":[]}`, "has [ where an object has to be"},
		"a name with a NUL":        {`{"a\u0000":` + tensor("U8", "4", "0,4") + `}`, "control character"},
		"a name that is not UTF-8": {"{\"a\xff\":" + tensor("U8", "4", "0,4") + "}", "not UTF-8"},
		"a long name":              {`{"` + strings.Repeat("a", 1025) + `":` + tensor("U8", "4", "0,4") + `}`, "1025 bytes"},
		"something after the JSON": {`{} {}`, "something after its JSON"},
		"a NUL after the JSON":     {"{}\x00", "JSON that cannot be read"},
		"JSON that ends too soon":  {`{"a":`, "ends too soon"},
		"no JSON":                  {`{"a"}`, "JSON that cannot be read"},
		"text for an object":       {`{"a":"` + strings.Repeat("x", 10_000) + `"}`, "where an object has to be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "model.safetensors", safetensorsFile(c.header, "1234"), formats.Malformed, c.words)
		})
	}
}

func TestASafetensorsFileThatWasCutIsTruncated(t *testing.T) {
	t.Parallel()
	whole := safetensorsFile(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "1234")
	for n := 10; n < len(whole); n++ {
		assertRefusedAs(t, "w.bin", whole[:n], formats.Truncated, "is truncated at byte")
	}
}

func TestJSONThatTakesMemoryIsRefused(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"deep lists":        `{"a":` + strings.Repeat("[", 100_000),
		"deep objects":      strings.Repeat(`{"a":`, 100_000),
		"deep metadata":     `{"__metadata__":` + strings.Repeat(`{"a":`, 100),
		"a text of 10 MB":   `{"__metadata__":{"a":"` + strings.Repeat("x", 10_000_000) + `"}}`,
		"a key of 10 MB":    `{"` + strings.Repeat("x", 10_000_000) + `":{}}`,
		"escapes of 10 MB":  `{"__metadata__":{"a":"` + strings.Repeat(`\"`, 5_000_000) + `"}}`,
		"a number of 10 MB": `{"a":{"dtype":"U8","shape":[` + strings.Repeat("1", 10_000_000) + `]}}`,
		"space of 10 MB":    `{"a":` + strings.Repeat(" ", 10_000_000) + `{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := "its JSON"
			if strings.Contains(name, "deep") {
				words = "nested more than"
			}
			assertRefusedAs(t, "model.safetensors", safetensorsFile(header, ""), formats.TooComplex, words)
		})
	}
}

func TestALongerHeaderThanSafetensorsAllowsIsRefused(t *testing.T) {
	t.Parallel()
	space := func(int64) string { return "    " }
	for size, want := range map[int64]formats.Code{100_000_004: formats.TooComplex, 1 << 40: formats.TooComplex} {
		file := &repeated{head: string(binary.LittleEndian.AppendUint64(nil, uint64(size))) + "{}  ", count: size / 4, entry: space}

		_, err := formats.Recognise(file, file.size(), formats.Claim{Path: "model.safetensors"})

		if refusal, _ := errors.AsType[*formats.Refusal](err); refusal == nil || refusal.Code != want || !strings.Contains(refusal.Detail, "at most 100000000") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// repeated is a file of size bytes that a function makes as they are read. It measures the memory that is in use meanwhile.
type repeated struct {
	head  string
	entry func(i int64) string // all of one length
	tail  string
	count int64

	reads int
	heap  uint64
}

func (r *repeated) size() int64 {
	return int64(len(r.head)) + r.count*int64(len(r.entry(0))) + int64(len(r.tail))
}

func (r *repeated) ReadAt(b []byte, at int64) (int, error) {
	if r.reads++; r.reads%50 == 0 {
		var now runtime.MemStats
		runtime.GC() //nolint:revive // what is in use is measured
		runtime.ReadMemStats(&now)
		r.heap = max(r.heap, now.HeapAlloc)
	}
	length := int64(len(r.entry(0)))
	var made bytes.Buffer
	for made.Len() < len(b) {
		from := at + int64(made.Len())
		part, skip := r.tail, from-int64(len(r.head))-r.count*length
		switch in := from - int64(len(r.head)); {
		case in < 0:
			part, skip = r.head, from
		case in/length < r.count:
			part, skip = r.entry(in/length), in%length
		}
		if skip >= int64(len(part)) {
			return copy(b, made.Bytes()), io.EOF
		}
		made.WriteString(part[skip:])
	}
	return copy(b, made.Bytes()), nil
}

// It measures the memory of the whole process, so that no other test may run meanwhile.
func TestALongHeaderIsReadInLittleMemory(t *testing.T) { //nolint:paralleltest // see above
	var before runtime.MemStats
	runtime.GC() //nolint:revive // as above
	runtime.ReadMemStats(&before)
	for name, c := range map[string]struct {
		count int64
		entry func(i int64) string
		want  formats.Code
	}{
		"long names": {200_000, func(i int64) string {
			return fmt.Sprintf(`"model.layers.%06d.mlp.experts.gate_proj.weight_scale_inverse":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}, `, i)
		}, ""},
		"many tensors": {470_000, func(i int64) string { return fmt.Sprintf(`"%06d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`, i) }, ""},
		"many extents": {65_000, func(i int64) string {
			return fmt.Sprintf(`"%0200d":{"dtype":"U8","shape":[0%s],"data_offsets":[0,0]},`, i, strings.Repeat(",1", 63))
		}, formats.TooComplex},
	} {
		file := &repeated{count: c.count, entry: c.entry, tail: `"end":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, head: "12345678{"}
		file.head = string(binary.LittleEndian.AppendUint64(nil, uint64(file.size()-8))) + "{"

		_, err := formats.Recognise(file, file.size(), formats.Claim{Path: "model.safetensors"})

		refusal, _ := errors.AsType[*formats.Refusal](err)
		if c.want == "" && err != nil || c.want != "" && (refusal == nil || refusal.Code != c.want) {
			t.Errorf("%s of %d bytes: %v", name, file.size(), err)
		}
		if used := int64(file.heap) - int64(before.HeapAlloc); used > 64<<20 || file.heap == 0 {
			t.Errorf("%s: %d bytes are in use", name, used)
		} else {
			t.Logf("%s: %d bytes of header, %d in use", name, file.size(), used)
		}
	}
}

func TestAnIndexNamesItsFiles(t *testing.T) {
	t.Parallel()
	weights := `"weight_map":{"a":"model-1.safetensors","b":"x/model-2.safetensors","c":"model-1.safetensors"}`
	want := []formats.ExternalFile{{Path: "model-1.safetensors", Size: 1, Tensors: 2}, {Path: "x/model-2.safetensors", Size: 1, Tensors: 1}}
	for name, file := range map[string]string{
		"alone":                   `{` + weights + `}`,
		"after metadata":          `{"metadata":{"total_size":12}, ` + weights + "}\n",
		"before metadata":         `{` + weights + `,"metadata":{"weight_map":1}}`,
		"after 5 KiB of metadata": `{"metadata":{"a":"` + strings.Repeat("x", 5<<10) + `"},` + weights + `}`,
		"after 5 MiB of metadata": `{"metadata":{"a":[` + strings.Repeat(`"weight_map",`, 400_000) + `1]},` + weights + `}`,
		"after other keys":        "\n { \"x\" : [\"}\\\"{\"] , " + weights + "}",
		"after 5 KiB of space":    strings.Repeat(" ", 5<<10) + `{` + weights + `}`,
		"with escapes":            `{` + strings.Replace(weights, "weight_map", `\u0077eight\u005fmap`, 1) + `}`,
	} {
		m, err := recogniseAs("model.safetensors.index.json", file)
		if err != nil || m.Format != formats.SafetensorsIndex || !reflect.DeepEqual(m.External, want) {
			t.Errorf("%s: %v, %v, %v", name, m.Format, m.External, err)
		}
	}
}

func TestOtherJSONIsNoIndex(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		`{}`, `{"metadata":{"weight_map":{}}}`, `{"a":"\"weight_map\":{"}`, `{"a":"weight_map"}`, `["weight_map",{"weight_map":{}}]`, `{"a":1}{"weight_map":{}}`,
		`{"metadata": "` + strings.Repeat("x", 100_000), "   ", `{"weight_map`, `{"weight_mapper":1}`, `{"weight_ma":1}`, `{"\x":1,"weight`,
		"{\"a\": \"\x00\", \"weight_map\":{}}", "{\x01\"weight_map\":{}}",
	} {
		if m, err := recogniseAs("vocab.json", file); err != nil || m.Format != formats.Data {
			t.Errorf("%.40s: %v, %v", file, m.Format, err)
		}
	}
}

func TestHostileIndexesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		`../a.safetensors`, `/a.safetensors`, `a/../../b.safetensors`, `..\\a.safetensors`, `C:\\a.safetensors`, `a//b.safetensors`, `./a.safetensors`, ``,
		`.safetensors/..`, `a.bin`, `\u002e./a.safetensors`, `a\u202e.safetensors`,
	} {
		assertRefusedAs(t, "i.json", `{"weight_map":{"a":"ok.safetensors","b":"`+name+`"}}`, formats.UnsafeReference, "not a safetensors file beside the index")
	}
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, `"%d":"%d.safetensors",`, i, i)
	}
	for name, c := range map[string]struct {
		file  string
		want  formats.Code
		words string
	}{
		"a NUL":              {`{"weight_map":{"a":"a\u0000.safetensors"}}`, formats.Malformed, "control character"},
		"a tensor twice":     {`{"weight_map":{"a":"a.safetensors","a":"b.safetensors"}}`, formats.Malformed, "twice"},
		"a map twice":        {`{"weight_map":{"a":"a.safetensors"},"weight_map":{"a":"b.safetensors"}}`, formats.Malformed, "twice"},
		"an empty map":       {`{"weight_map":{}}`, formats.Malformed, "without a weight map that names a file"},
		"a map that is null": {`{"weight_map":null}`, formats.Malformed, "has null where an object has to be"},
		"a number":           {`{"weight_map":{"a":1}}`, formats.Malformed, "where a text has to be"},
		"something after it": {`{"weight_map":{"a":"a.safetensors"}} x`, formats.Malformed, "JSON that cannot be read"},
		"too many files":     {`{"weight_map":{` + many.String() + `"a":"a.safetensors"}}`, formats.TooComplex, "more than 1000 files"},
		"deep metadata":      {`{"metadata":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"weight_map":{}}`, formats.TooComplex, "nested"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "i.json", c.file, c.want, c.words)
		})
	}
}

func TestAnIndexThatIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	file := &repeated{head: `{"weight_map":{"a":"../a.safetensors"},"metadata":[`, count: 30_000_000, entry: func(int64) string { return "1234" }, tail: `1]}`}

	_, err := formats.Recognise(file, file.size(), formats.Claim{Path: "i.json"})

	refusal, _ := errors.AsType[*formats.Refusal](err)
	if refusal == nil || refusal.Code != formats.TooComplex || refusal.Format != formats.SafetensorsIndex {
		t.Error(err)
	}
}
