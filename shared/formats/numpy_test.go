package formats_test

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// npy returns a file of version 1.0 with the header and that many bytes of elements.
func npy(header string, data int) string {
	head := string(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header))))
	return head + header + strings.Repeat("d", data)
}

// array returns the header of an array.
func array(descr, shape string) string {
	return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }          \n"
}

func TestTheHeaderOfANumPyArrayIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		descr, shape string
		data         int
		datatype     string
		want         []int64
	}{
		{"'<f4'", "(3, 2)", 24, "FP32", []int64{3, 2}},
		{"'>i8'", "(3,)", 24, "INT64", []int64{3}},
		{"'|b1'", "()", 1, "BOOL", []int64{}},
		{"'<f2'", "(0, 9223372036854775807)", 0, "FP16", nil},
		{"'<U3'", "(2,)", 24, "TEXT", []int64{2}},
		{"'|S5'", "(2L,)", 10, "BYTES", []int64{2}},
		{"'|V7'", "(2,)", 14, "VOID", []int64{2}},
		{"'|S0'", "(5,)", 0, "BYTES", []int64{5}},
		{"'<M8[ns]'", "(1,)", 8, "DATETIME64", []int64{1}},
		{"'<m8[25us]'", "(1,)", 8, "TIMEDELTA64", []int64{1}},
		{`"<c16"`, "(1,)", 16, "COMPLEX128", []int64{1}},
		{"[('a', '<f4'), ('', '|V4'), (('title', 'b\\'),'), '<i8', (2, 3)), ('c', [('d', '|u1')])]", "(2,)", 114, "RECORD", []int64{2}},
	} {
		m, err := recogniseAs("w.npy", npy(array(c.descr, c.shape), c.data))
		if c.want == nil {
			c.want = []int64{0, 9223372036854775807}
		}
		if err != nil || m.Format != formats.NumPy || len(m.Findings) > 0 ||
			!reflect.DeepEqual(m.Tensors, []formats.TensorInfo{{Datatype: c.datatype, Shape: c.want}}) {
			t.Errorf("%s: %v, %v", c.descr, m.Tensors, err)
		}
	}
}

func TestLaterVersionsOfNumPysFormatAreRead(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"\x02\x00", "\x03\x00"} {
		header := array("[('"+strings.Repeat("ü", 10_000)+"', '<f4')]", "(2,)")
		file := "\x93NUMPY" + version + u32(uint32(len(header))) + header + "12345678"
		if m, err := recogniseAs("w.npy", file); err != nil || m.Parameters != 2 {
			t.Errorf("%v, %v", m.Tensors, err)
		}
	}
}

func TestAnArrayOfObjectsIsAFinding(t *testing.T) {
	t.Parallel()
	for _, descr := range []string{"'|O'", "'|O8'", "[('a', '<f4'), ('b', '|O')]", "[('a', [('b', '|O', (2,))])]"} {
		file := npy(array(descr, "(2,)"), 30)
		m, err := recogniseAs("w.npy", file)
		if err != nil || len(m.Findings) != 1 || !m.Findings[0].Unsafe || m.Findings[0].Offset != int64(len(file)-30) {
			t.Errorf("%s: %v, %v", descr, m.Findings, err)
		}
	}
}

func TestHostileNumPyArraysAreRefused(t *testing.T) {
	t.Parallel()
	floats := array("'<f4'", "(2,)")
	for name, c := range map[string]struct {
		file  string
		want  formats.Code
		words string
	}{
		"a head that is cut":     {"\x93NUMPY\x01\x00", formats.Truncated, "its head ends"},
		"a head 2 that is cut":   {"\x93NUMPY\x02\x00\x01\x00", formats.Truncated, "its head ends"},
		"version 4":              {"\x93NUMPY\x04\x00\x01\x00\x00\x00{}", formats.Malformed, "version 4.0"},
		"version 1.1":            {"\x93NUMPY\x01\x01\x01\x00\x00\x00{}", formats.Malformed, "version 1.1"},
		"a header of 4 GiB":      {"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", formats.TooComplex, "4294967295 bytes"},
		"a header that is cut":   {npy(floats, 8)[:30], formats.Truncated, "its header ends"},
		"elements that are cut":  {npy(floats, 7), formats.Truncated, "an array of 8 bytes"},
		"bytes behind":           {npy(floats, 9), formats.Malformed, "1 bytes that do not belong"},
		"no dictionary":          {npy("[]", 0), formats.Malformed, "no dictionary"},
		"an empty header":        {npy("", 0), formats.Malformed, "no dictionary"},
		"an empty dictionary":    {npy("{}", 0), formats.Malformed, "does not consist of"},
		"one more key":           {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8), formats.Malformed, "does not consist of"},
		"a key twice":            {npy("{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 8), formats.Malformed, "there twice"},
		"a key that is a number": {npy("{1: 2}", 8), formats.Malformed, "no text"},
		"no end":                 {npy("{'descr': '<f4'", 8), formats.Malformed, "has to be"},
		"a text without an end":  {npy("{'descr", 8), formats.Malformed, "without an end"},
		"a text over two lines":  {npy("{'de\nscr'", 8), formats.Malformed, "ends with the line"},
		"something behind it":    {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} {}", 8), formats.Malformed, "something after"},
		"a NUL":                  {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}\x00", 8), formats.Malformed, "something after"},
		"code":                   {npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}", 8), formats.Malformed, "not known"},
		"a sum":                  {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,)}", 8), formats.Malformed, "a comma or an end"},
		"two texts together":     {npy("{'descr': '<' 'O', 'fortran_order': False, 'shape': (1,)}", 8), formats.Malformed, "a comma or its end"},
		"a hexadecimal number":   {npy(array("'<f4'", "(0x2,)"), 8), formats.Malformed, "a comma or an end"},
		"an octal number":        {npy(array("'<f4'", "(02,)"), 8), formats.Malformed, `the number "02"`},
		"a number too large":     {npy(array("'<f4'", "(9223372036854775808,)"), 8), formats.Malformed, "9223372036854775808"},
		"a negative extent":      {npy(array("'<f4'", "(-1,)"), 8), formats.Malformed, "not known"},
		"a number for a shape":   {npy(array("'<f4'", "2"), 8), formats.Malformed, "does not consist of"},
		"parentheses":            {npy(array("'<f4'", "(2)"), 8), formats.Malformed, "in parentheses"},
		"a text in a shape":      {npy(array("'<f4'", "('2',)"), 8), formats.Malformed, "has the shape"},
		"many dimensions":        {npy(array("'<f4'", "("+strings.Repeat("1,", 65)+")"), 4), formats.Malformed, "up to 64 numbers"},
		"a shape that overflows": {npy(array("'<f4'", "(4294967296, 4294967296, 4)"), 8), formats.Malformed, "with the shape"},
		"bytes that overflow":    {npy(array("'|V2147483647'", "(4294967296, 4)"), 8), formats.Malformed, "of elements of"},
		"an element too large":   {npy(array("'|V2147483649'", "(1,)"), 8), formats.Malformed, "elements of more than"},
		"a record too large":     {npy(array("[('a', '|V2147483648'), ('b', '|u1')]", "(1,)"), 8), formats.Malformed, "elements of more than"},
		"a field too large":      {npy(array("[('a', '<f8', (4294967296,))]", "(1,)"), 8), formats.Malformed, "elements of more than"},
		"a field that overflows": {npy(array("[('a', '<f8', (4294967296, 4294967296, 4))]", "(1,)"), 8), formats.Malformed, "whose shape is none"},
		"a list of types":        {npy(array("'i4,O'", "(1,)"), 8), formats.Malformed, `the descr "i4,O"`},
		"a name of a type":       {npy(array("'object'", "(1,)"), 8), formats.Malformed, `the descr "object"`},
		"a float of 3 bytes":     {npy(array("'<f3'", "(1,)"), 3), formats.Malformed, `the descr "<f3"`},
		"an escape in a type":    {npy(array(`'\x4f'`, "(1,)"), 3), formats.Malformed, `no type that NumPy writes`},
		"a number for a type":    {npy(array("4", "(1,)"), 3), formats.Malformed, "no type of elements"},
		"an empty record":        {npy(array("[]", "(1,)"), 3), formats.Malformed, "no type of elements"},
		"a field of one part":    {npy(array("[('a',)]", "(1,)"), 3), formats.Malformed, "does not consist of a name"},
		"a field without parts":  {npy(array("['a']", "(1,)"), 3), formats.Malformed, "does not consist of a name"},
		"deep records":           {npy(array(strings.Repeat("[", 40), "(1,)"), 3), formats.Malformed, "nested more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "w.npy", c.file, c.want, c.words)
		})
	}
}
