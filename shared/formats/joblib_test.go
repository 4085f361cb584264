package formats_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// pickled returns a string as a pickle has it.
func pickled(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

const (
	float64Type = "cnumpy\ndtype\nU\x02f8\x89\x88\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
	objectType  = "cnumpy\ndtype\nU\x02O8\x89\x88\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"
	padded      = "\x03\xff\xff\xff"
	runsSystem  = "cos\nsystem\n."
)

// joblibArray returns an array's wrapper with the pairs of its state.
func joblibArray(pairs ...string) string {
	var state strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		state.WriteString(pickled(pairs[i]) + pairs[i+1])
	}
	return "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state.String() + "ub"
}

// wrapper returns the wrapper of an array with the shape and the type.
func wrapper(shape, kind string) string {
	return joblibArray("subclass", "cnumpy\nndarray\n", "shape", shape, "order", "U\x01C", "dtype", kind, "allow_mmap", "\x89",
		"numpy_array_alignment_bytes", "K\x10")
}

// oldArray returns the wrapper that joblib before 1.2 wrote: it has no alignment.
func oldArray(shape, kind string) string {
	return joblibArray("subclass", "cnumpy\nndarray\n", "shape", shape, "order", "U\x01C", "dtype", kind, "allow_mmap", "\x89")
}

// joblibFile returns a file with an array of two numbers.
func joblibFile() string {
	return "\x80\x03" + wrapper("K\x02\x85", float64Type) + padded + strings.Repeat("c", 16) + "."
}

func TestTheBytesOfArraysAreSteppedOver(t *testing.T) {
	t.Parallel()
	structure := structureOf(float64Type, "\x10")
	nested := "\x80\x02]cos\nsystem\na."
	for name, c := range map[string]struct {
		file string
		want string
	}{
		"two numbers":            {joblibFile(), ""},
		"code behind them":       {"\x80\x03" + wrapper("K\x02\x85", float64Type) + padded + strings.Repeat(".", 16) + runsSystem, "imports os.system"},
		"none":                   {"\x80\x03" + wrapper("K\x00K\x05\x86", float64Type) + padded + runsSystem, "imports os.system"},
		"one without dimensions": {"\x80\x03" + wrapper(")", float64Type) + padded + "........" + runsSystem, "imports os.system"},
		"without padding":        {"\x80\x03" + oldArray("K\x01\x85", float64Type) + "\x00......." + runsSystem, "imports os.system"},
		"characters of four bytes": {
			"\x80\x03" + wrapper("K\x01\x85", "cnumpy\ndtype\nU\x02U2\x89\x88\x87R(K\x03U\x01<NNNK\x08K\x04K\x08tb") + padded + "........" + runsSystem,
			"imports os.system",
		},
		"structures": {"\x80\x03" + wrapper("K\x01\x85", structure) + padded + "........" + runsSystem, "imports os.system"},
		"objects":    {"\x80\x03" + wrapper("K\x01\x85", objectType) + nested + ".", "imports os.system"},
		"structures of objects": {
			"\x80\x03" + wrapper("K\x01\x85", structureOf(objectType, "\x1b")) + nested + ".",
			"imports os.system",
		},
		"a type from the memo": {
			"\x80\x03" + float64Type + "q\x00" + wrapper("K\x01\x85", "h\x00") + padded + "........" + runsSystem,
			"imports os.system",
		},
		"numbers that are opcodes": {
			"\x80\x03" + oldArray("K\x02\x85", float64Type) + "cos\nsystem\nNNN.." + ".",
			"has an array that pickle.load may take for code: save it anew by joblib 1.2 or later",
		},
		"an array of an unsafe subclass": {"\x80\x03" + strings.Replace(joblibFile()[2:], "cnumpy\nndarray\n", "cos\nsystem\n", 1), "imports os.system"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := recogniseAs("model.joblib", []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(m.Findings) > 0 {
				got = m.Findings[0].Detail
			}
			if m.Format != formats.Joblib || got != c.want || len(m.Findings) > 1 {
				t.Errorf("%s with %+v", m.Format, m.Findings)
			}
		})
	}
}

func TestAnArrayThatJoblibDoesNotWriteIsRefused(t *testing.T) {
	t.Parallel()
	data := padded + "........"
	state := func(pairs ...string) string { return "\x80\x03" + joblibArray(pairs...) + data + "." }
	typed := func(kind string) string { return "\x80\x03" + wrapper("K\x01\x85", kind) + data + "." }
	framed := func(more uint64) string { // a frame that goes on behind the wrapper
		a := wrapper("K\x01\x85", float64Type)
		return "\x80\x04\x95" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(a))+more)) + a + data + "."
	}
	if _, err := recogniseAs("model.joblib", []byte(framed(0))); err != nil {
		t.Errorf("an array at the end of a frame: %v", err)
	}
	for name, file := range map[string]string{
		"a frame that goes on":                framed(13),
		"a shape that is made":                "\x80\x03" + wrapper("cbuiltins\nlist\n)R", float64Type) + data + ".",
		"a negative extent":                   "\x80\x03" + wrapper("J\xff\xff\xff\xff\x85", float64Type) + data + ".",
		"a shape without end":                 "\x80\x03" + wrapper("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x02\x86", float64Type) + data + ".",
		"an array beyond the file":            "\x80\x03" + wrapper("J\x00\x00\x00\x7f\x85", float64Type) + data + ".",
		"padding beyond its bound":            "\x80\x03" + wrapper("K\x01\x85", float64Type) + "(" + strings.Repeat("\xff", 40) + "........" + ".",
		"padding with something in it":        "\x80\x03" + wrapper("K\x01\x85", float64Type) + "\x03\xffc\xff" + "........" + ".",
		"padding with bytes of no text":       "\x80\x03" + wrapper("K\x01\x85", float64Type) + "\x03\xff\x80\xff" + "........" + ".",
		"no state":                            "\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81.",
		"no type":                             state("subclass", "cnumpy\nndarray\n", "shape", ")", "order", "U\x01C"),
		"no shape":                            state("subclass", "cnumpy\nndarray\n", "dtype", float64Type, "order", "U\x01C"),
		"a method of its own":                 strings.Replace(joblibFile(), pickled("allow_mmap"), pickled("read"), 1),
		"an order that is none":               state("subclass", "cnumpy\nndarray\n", "shape", ")", "order", "U\x01A", "dtype", float64Type),
		"numbers that are said to be objects": typed(strings.Replace(float64Type, "K\x00tb", "K\x01tb", 1)),
		"objects that are said to be numbers": typed(strings.Replace(objectType, "K\x3ftb", "K\x00tb", 1)),
		"a type without a size":               typed("cnumpy\ndtype\nU\x02S0\x89\x88\x87R"),
		"a type that is not known":            typed("cnumpy\ndtype\nU\x02x8\x89\x88\x87R"),
		"a class called":                      "\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)R.",
		"a class called by OBJ":               "(cjoblib.numpy_pickle\nNumpyArrayWrapper\no.",
		"a class called by INST":              "(ijoblib.numpy_pickle\nNumpyArrayWrapper\n.",
		"a class given away":                  "ccopy_reg\n_reconstructor\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\nc__builtin__\nobject\nNtR.",
		"an array in a list":                  "\x80\x03]cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81a.",
		"an array that is read twice": "\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81q\x00" +
			strings.TrimPrefix(joblibFile()[2:len(joblibFile())-1], "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81") + "h\x00}b.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs("model.joblib", []byte(file))
			var refusal *formats.Refusal
			if !errors.As(err, &refusal) || refusal.Code != formats.Malformed && refusal.Code != formats.Truncated {
				t.Errorf("got %v", err)
			}
		})
	}
}

func zlibOf(t testing.TB, content string) string {
	t.Helper()
	return compressed(t, content, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
}

func gzipOf(t testing.TB, content string) string {
	t.Helper()
	return compressed(t, content, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func compressed(t testing.TB, content string, by func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var out bytes.Buffer
	w := by(&out)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// bzip2Of is what Python's bz2 makes of the pickle \x80\x02cos\nsystem\n.
const bzip2Of = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x76\x3c\x5c\x5f\x00\x00\x06\xd1\xc0\x10\x10\x00\x01\x0a\x02\x8c\x20\x40\x00\x20" +
	"\x00\x31\x00\xd3\x4d\x04\x00\x62\x2d\x17\x64\x02\xb7\x99\x78\xbb\x92\x29\xc2\x84\x83\xb1\xe2\xe2\xf8"

// bzip2Zeros is what Python's bz2 makes of a pickle with 64 MiB of zeros.
const bzip2Zeros = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xa3\xcd\x4c\x0c\x05\x7e\x39\x44\x40\xd4\x00\x10\x00\x40\x00\x00\x08\x20\x00\x50\x60\x02\x6a\xa1" +
	"\x93\xbb\x22\xa0\x25\x9e\x29\x24\x15\x56\xf3\x73\xa4\x54\x04\xbe\x62\x82\xb2\x4c\xa6\xb3\x89\x38\x78\x3c\x01\x44\xea\xa0\x01\x80\x00\x00" +
	"\x02\x00\x10\x40\x00\x61\x98\x0a\x53\x4d\xdc\x25\x44\x26\xc2\x4a\x88\x4f\x17\x72\x45\x38\x50\x90\x83\x06\xa4\x07"

func TestCompressedPicklesAreRead(t *testing.T) {
	t.Parallel()
	const code = "\x80\x02" + runsSystem
	for name, file := range map[string]string{
		"zlib":                zlibOf(t, code),
		"gzip":                gzipOf(t, code),
		"bzip2":               bzip2Of,
		"a second zlib":       zlibOf(t, "\x80\x02N.") + zlibOf(t, code),
		"a second gzip":       gzipOf(t, "\x80\x02N.") + gzipOf(t, code),
		"one in two zlibs":    zlibOf(t, code[:5]) + zlibOf(t, code[5:]),
		"behind an array":     zlibOf(t, joblibFile()+code),
		"behind much padding": zlibOf(t, "\x80\x02B\x00\x00\x00\x02"+strings.Repeat("\x00", 32<<20)+code[2:]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := recogniseAs("model.joblib", []byte(file))
			if err != nil || m.Format != formats.Joblib || len(m.Findings) != 1 || m.Findings[0].Detail != "imports os.system" {
				t.Errorf("%s with %+v, %v", m.Format, m.Findings, err)
			}
		})
	}
}

func TestACompressedFileThatIsDamagedIsRefused(t *testing.T) {
	t.Parallel()
	whole := zlibOf(t, "\x80\x02"+runsSystem)
	sum := whole[:len(whole)-1] + "x"
	for name, c := range map[string]struct {
		file string
		want formats.Code
	}{
		"a wrong sum":         {sum, formats.Malformed},
		"a cut":               {whole[:len(whole)-3], formats.Truncated},
		"bytes behind it":     {whole + "junk", formats.Malformed},
		"a cut gzip":          {gzipOf(t, "\x80\x02"+runsSystem)[:30], formats.Truncated},
		"zeros behind a gzip": {gzipOf(t, "\x80\x02"+runsSystem) + strings.Repeat("\x00", 100), formats.Malformed},
		"a cut pickle":        {zlibOf(t, "\x80\x02cos\nsyst"), formats.Truncated},
		"xz":                  {"\xfd7zXZ\x00\x00\x04", formats.UnsupportedFormat},
		"lzma":                {"\x5d\x00\x00\x80\x00", formats.UnsupportedFormat},
		"lzma, 1.5 MiB":       {"\x5d\x00\x00\x18\x00" + strings.Repeat("\xff", 8) + "\x00", formats.UnsupportedFormat},
		"lzma, 256 bytes":     {"\x5d\x00\x01\x00\x00" + strings.Repeat("\xff", 8) + "\x00", formats.UnsupportedFormat},
		"lzma, of known size": {"\x5d\x00\x03\x00\x00\x2c\x01\x00\x00\x00\x00\x00\x00\x00", formats.UnsupportedFormat},
		"LZ4":                 {"\x04\x22\x4d\x18", formats.UnsupportedFormat},
		"many zeros":          {bzip2Zeros, formats.TooComplex},
		"no pickle":           {gzipOf(t, "hello"), formats.UnsupportedFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs("model.joblib", []byte(c.file))
			var refusal *formats.Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.want || refusal.Detail == "" {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestNumbersThatBeginLikeLZMAAreData(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"\x5d\x00\x01\x01\x00" + strings.Repeat("\xff", 9), "\x5d\x00\x00\x70\x00" + strings.Repeat("\xff", 9), "\x5d\x00\x00\x80\x00" + strings.Repeat("\x7f", 9),
	} {
		if m, err := recogniseAs("w.bin", file); err != nil || m.Format != formats.Data {
			t.Errorf("%q: %s, %v", file, m.Format, err)
		}
	}
}
