package formats_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/formatstest"
)

// refers returns a model with an initializer whose data is external, with these entries.
func refers(entries ...string) proto {
	return model(graph().Message(5, formatstest.External("w", []int64{2, 3}, entries...)))
}

func TestTheEndOfExternalDataFollowsFromTheShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file proto
		want int64
	}{
		"a length":            {refers("location", "w", "offset", "8", "length", "24"), 32},
		"no length":           {refers("location", "w", "offset", "8"), 32},
		"no offset":           {refers("location", "./w", "length", "24"), 24},
		"a checksum":          {refers("location", "w", "checksum", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), 24},
		"the data of another": {refers("location", "w").Message(20, proto{}.Message(2, graph().Message(5, formatstest.External("v", []int64{9}, "location", "w", "offset", "100")))), 136},
	} {
		m, err := recognise(c.file)
		if err != nil || len(m.External) != 1 || m.External[0].Path != "w" || m.External[0].Size != c.want {
			t.Errorf("%s: %v, %v; want %d bytes of w", name, m.External, err, c.want)
		}
	}
}

func TestKeysOfExternalDataThatARuntimeReadsOtherwiseAreRefused(t *testing.T) {
	t.Parallel()
	for want, file := range map[string]proto{
		`the key "location" twice`: refers("location", "a.bin", "location", "b.bin"),
		`the key "offset" twice`:   refers("location", "a.bin", "offset", "0", "offset", "64"),
		`the key "length" twice`:   refers("location", "a.bin", "length", "24", "length", "24"),
		`the key "checksum" twice`: refers("location", "a.bin", "checksum", "1", "checksum", "1"),
		`the key "basepath"; `:     refers("location", "a.bin", "basepath", "/etc"),
		`the key "prepacked_0"; `:  refers("location", "a.bin", "prepacked_0", "MatMul|0;24;0"),
		`the key "Location"; `:     refers("location", "a.bin", "Location", "b.bin"),
		`the key ""; `:             refers("location", "a.bin", "", "b.bin"),
		`value for the key "le`:    refers("location", "a.bin", "length", ""),
		"does not say in which":    refers("offset", "0"),
	} {
		if got := assertRefused(t, file, formats.Malformed); !strings.Contains(got, want) {
			t.Errorf("%s does not say %s", got, want)
		}
	}
}

// doubles are models with something twice of which readers differ: some take the first, some the last, some both.
func doubles() map[string]proto {
	value := proto{}.Int(1, 1).Message(2, proto{}.Message(1, proto{}.Int(1, 2))) // TypeProto.Tensor
	external := formatstest.External("w", []int64{1}, "location", "a.bin")
	return map[string]proto{
		"the graph":                   model(graph()).Message(7, proto{}.Message(5, external)),
		"the IR version":              model(graph()).Int(1, 9),
		"an initializer":              model(graph().Message(5, formatstest.Tensor("w", "1234", 1)).Message(5, external)),
		"an initializer, once sparse": model(graph().Message(5, external).Message(15, proto{}.Message(1, formatstest.Tensor("w", "1234", 1)))),
		"an input":                    model(graph().Message(11, formatstest.Value("x", 1))),
		"an output":                   model(graph().Message(12, formatstest.Value("y", 1))),
		"a name of a tensor":          model(graph().Message(5, external.Text(8, "v"))),
		"a data location":             model(graph().Message(5, external.Int(14, 0))),
		"a data type":                 model(graph().Message(5, external.Int(2, 11))),
		"raw data":                    model(graph().Message(5, formatstest.Tensor("w", "1234", 1).Text(9, "5678"))),
		"a key of an entry":           model(graph().Message(5, external.Message(13, proto{}.Text(1, "offset").Text(1, "length").Text(2, "4")))),
		"a value of an entry":         model(graph().Message(5, external.Message(13, proto{}.Text(1, "offset").Text(2, "0").Text(2, "4")))),
		"an attribute's tensor": model(graph().Message(1, node("Constant").Message(5,
			proto{}.Text(1, "value").Message(5, external).Message(5, formatstest.External("v", nil, "location", "b.bin"))))),
		"an attribute's graph":      model(graph().Message(1, node("If").Message(5, proto{}.Text(1, "then_branch").Message(6, graph()).Message(6, graph())))),
		"a sparse tensor's values":  model(graph().Message(15, proto{}.Message(1, external).Message(1, external))),
		"a node's operator":         model(graph().Message(1, node("Identity").Text(4, "Neg"))),
		"the type of a value":       model(graph().Message(11, formatstest.Value("z", 1).Message(2, proto{}.Message(1, value)))),
		"the tensor type of a type": model(graph().Message(11, proto{}.Text(1, "z").Message(2, proto{}.Message(1, value).Message(1, value)))),
		"the data in both places":   model(graph().Message(5, external.Text(9, "1234"))),
	}
}

func TestWhatIsGivenTwiceIsRefused(t *testing.T) {
	t.Parallel()
	for name, file := range doubles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := assertRefused(t, file, formats.Malformed); !strings.Contains(got, "twice") && !strings.Contains(got, "both in the file and outside") {
				t.Error(got)
			}
		})
	}
}

// protobuf cuts an enum to 32 bits, so that this number says that the data is external.
func TestALocationOfDataIsReadAsProtobufDoes(t *testing.T) {
	t.Parallel()
	tensor := proto{}.Int(1, 1).Int(2, 1).Text(8, "w").Message(13, proto{}.Text(1, "location").Text(2, "a.bin")).Int(14, 1<<32|1)

	m, err := recognise(model(graph().Message(5, tensor)))

	if err != nil || len(m.External) != 1 {
		t.Errorf("external files are %v, %v", m.External, err)
	}
}

func TestAnUnusedPlaceOfDataNeedsNoFileAndMustBeSafe(t *testing.T) {
	t.Parallel()
	tensor := func(location string) proto {
		return model(graph().Message(5, formatstest.Tensor("w", "1234", 1).Message(13, proto{}.Text(1, "location").Text(2, location))))
	}

	m, err := recognise(tensor("old.bin"))

	if err != nil || len(m.External) != 0 {
		t.Errorf("external files are %v, %v", m.External, err)
	}
	assertRefused(t, tensor("/etc/passwd"), formats.UnsafeReference)
}

func TestTextsCannotBeExternal(t *testing.T) {
	t.Parallel()
	text := proto{}.Int(1, 1).Int(2, 8).Text(8, "w").Message(13, proto{}.Text(1, "location").Text(2, "a.bin")).Int(14, 1)
	assertRefused(t, model(graph().Message(5, text)), formats.Malformed)
}

func TestAModelMayNotHaveItsDataInItself(t *testing.T) {
	t.Parallel()
	file := refers("location", "all.bin")
	for path, code := range map[ref.Path]formats.Code{
		"model.onnx": "", "a/model.onnx": "", "all.bin": formats.UnsafeReference, "a/all.bin": formats.UnsafeReference,
		ref.Path(strings.Repeat("a/", 254) + "m"): formats.UnsafeReference, // 509 bytes; with all.bin it is too long for a path
	} {
		_, err := formats.Recognise(strings.NewReader(string(file)), int64(len(file)), formats.Claim{Path: path})
		refusal, _ := errors.AsType[*formats.Refusal](err)
		switch {
		case code == "" && err != nil:
			t.Errorf("%s: %v", path, err)
		case code != "" && (refusal == nil || refusal.Code != code):
			t.Errorf("%s: %v, want %s", path, err, code)
		}
	}
}

func TestTooManyExternalFilesAreRefused(t *testing.T) {
	t.Parallel()
	g := graph()
	for i := range 1001 {
		name := "w" + strings.Repeat("x", i%10) + string(rune('a'+i/10%26)) + string(rune('a'+i/260))
		g = g.Message(5, formatstest.External(name, nil, "location", name))
	}
	assertRefused(t, model(g), formats.TooComplex)
}

func TestWhatIsNoModelIsDataUnlessItClaimsToBeOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file  string
		claim formats.Claim
		want  formats.Format // "" for refused
	}{
		"weights":                      {"\x00\x01\x02\x03", formats.Claim{Path: "w.bin"}, formats.Data},
		"weights that begin like ONNX": {"\x08\x07\x12\x01", formats.Claim{Path: "w.bin"}, formats.Data},
		"text":                         {"a: 1\n", formats.Claim{Path: "config.yaml"}, formats.Data},
		"text called a model":          {"a: 1\n", formats.Claim{Path: "a/B.ONNX"}, ""},
		"text said to be a model":      {"a: 1\n", formats.Claim{Path: "a", Format: formats.ONNX}, ""},
		"a model by any name":          {string(model(graph())), formats.Claim{Path: "w.bin"}, formats.ONNX},
		"a model said to be data":      {string(model(graph())), formats.Claim{Path: "w.bin", Format: formats.Data}, ""},
		"a pickle said to be data":     {"\x80\x04cposix\nsystem\n", formats.Claim{Path: "w.bin", Format: formats.Data}, ""},
		"a pickle called text":         {"\x80\x04cposix\nsystem\n", formats.Claim{Path: "labels.txt"}, ""},
	} {
		m, err := formats.Recognise(strings.NewReader(c.file), int64(len(c.file)), c.claim)
		if _, refused := errors.AsType[*formats.Refusal](err); m.Format != c.want || refused != (c.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, m.Format, err, c.want)
		}
	}
}

// Weights are numbers, whose first bytes are those of some format by chance.
func TestWeightsAreTakenForAnotherFormatHardlyEver(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const tries = 2000
	for begins, most := range map[string]int{ // of the tries
		"\x80\x02": tries / 4, "\x80\x04": tries / 4, "\x1f\x8b": tries / 50, "BZh": 0, "\x78\x01": tries / 50, "\x78\x9c": tries / 50,
		"\x7b\x00\x00\x00\x00\x00\x00\x00{": tries / 20,
	} {
		refused := 0
		for range tries {
			file := []byte(begins)
			for range 1 << 10 {
				file = append(file, byte(random.Uint32()))
			}
			if _, err := formats.Recognise(strings.NewReader(string(file)), int64(len(file)), formats.Claim{Path: "w.bin"}); err != nil {
				refused++
			}
		}
		if refused > most {
			t.Errorf("%d of %d files that begin with %q are refused, want %d at most", refused, tries, begins, most)
		}
	}
}

func TestAThreeGibibyteModelIsReadByItsHeadersAlone(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	const tables = 6000
	table := formatstest.Table{Location: "model.onnx.data", Rows: 256, Columns: 512, Tables: tables}
	if table.Size() < 3e9 {
		t.Fatalf("the weights have %d bytes", table.Size())
	}
	file := table.Model(t.Name())
	sparse, err := os.Create(filepath.Join(t.TempDir(), table.Location))
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	if err := sparse.Truncate(table.Size()); err != nil {
		t.Fatal(err)
	}
	counted := &counting{file: sparse}

	weights, err := formats.Recognise(counted, table.Size(), formats.Claim{Path: "model.onnx.data"})

	if err != nil || weights.Format != formats.Data {
		t.Fatalf("the weights are %q, %v", weights.Format, err)
	}
	if counted.bytes > 1<<20 {
		t.Errorf("%d bytes of the weights were read", counted.bytes)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := recognise(file)
	runtime.ReadMemStats(&after)
	if want := []formats.ExternalFile{{Path: "model.onnx.data", Size: table.Size(), Tensors: tables}}; err != nil || !reflect.DeepEqual(m.External, want) {
		t.Errorf("the model needs %v, %v; want %v", m.External, err, want)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<20 {
		t.Errorf("%d bytes were allocated to read %d tensors", allocated, tables)
	}
}

type counting struct {
	file  *os.File
	bytes int64
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	c.bytes += int64(len(b))
	return c.file.ReadAt(b, at)
}

func TestTheEntryIsTheOnlyModelOrTheOneCalledModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		models []ref.Path
		want   ref.Path // "" for none
	}{
		{nil, ""},
		{[]ref.Path{"a/b"}, "a/b"},
		{[]ref.Path{"a.onnx", "model.onnx"}, "model.onnx"},
		{[]ref.Path{"a.onnx", "model.int8.onnx", "model.onnx"}, "model.onnx"},
		{[]ref.Path{"a.onnx", "model.int8.onnx"}, "model.int8.onnx"},
		{[]ref.Path{"a.onnx", "b/model.onnx"}, ""},
		{[]ref.Path{"model.a", "model.b", "a.onnx"}, ""},
		{[]ref.Path{"a.onnx", "b.onnx"}, ""},
	} {
		if got, ok := formats.Entry(c.models); got != c.want || ok != (c.want != "") {
			t.Errorf("of %v it is %q, want %q", c.models, got, c.want)
		}
	}
}

func TestAssetsAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	for path, want := range map[ref.Path]bool{
		"config.json": true, "a/labels.TXT": true, "LICENSE": true, "logo.png": true, "tokenizer.model": true, "README.md": true,
		"weights.bin": false, "a.py": false, "model.model": false, "run.sh": false, "json": false,
	} {
		if formats.IsAsset(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func TestAFileIsNotLargerThanItsFormatCanBe(t *testing.T) {
	t.Parallel()
	if r := formats.CheckSize([]formats.Format{formats.ONNX}, 2<<30-1); r != nil {
		t.Error(r)
	}
	r := formats.CheckSize([]formats.Format{formats.ONNX}, 2<<30)
	if r == nil || r.Code != formats.TooLarge || !strings.Contains(r.Detail, "at most 2147483647 bytes") || !strings.Contains(r.Detail, "external data") {
		t.Error(r)
	}
	if r := formats.CheckSize([]formats.Format{formats.Data}, 1<<40); r != nil {
		t.Error(r)
	}
}
