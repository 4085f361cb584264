package formats_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// seeds are small files of the formats, by names that their formats have.
func seeds(t testing.TB) map[ref.Path]string {
	t.Helper()
	shard := []string{ggufPair("split.no", 2, "\x00\x00"), ggufPair("split.count", 2, "\x02\x00"), ggufText("tokenizer.chat_template", "{{ x.__class__ }}")}
	described := append(tflModel(tflAdd(), tflAdd()), nil, flatTables{{"min_runtime_version", uint32(1)}},
		flatTables{{flatTables{{"x", uint32(0)}}, flatTables{{"y", uint32(2)}}, "serving_default", nil, uint32(0)}})
	external := append(tflModel(tflAdd()), nil, nil, nil, flatTables{{"w.bin"}}, flatTables{{uint32(1), uint32(0), uint64(0), uint64(4)}})
	return map[ref.Path]string{
		"a.safetensors":          safetensorsFile(`{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "1234"),
		"a.json":                 `{"metadata":{"total_size":4},"weight_map":{"w":"model-1.safetensors","v":"a/b.safetensors"}}`,
		"a.gguf":                 ggufOf(ggufPairs("llama", ggufVocabulary...), []string{ggufTensor("w", 8, 0, 32), ggufTensor("v", 0, 64, 2, 2)}, 80),
		"a-00001-of-00002.gguf":  ggufOf(ggufPairs("llama", shard...), nil, 0),
		"a.tflite":               flatbuffer(described),
		"b.tflite":               string(fixture(t, "add.tflite")),
		"a.npy":                  npy(array("[('a', '<f4'), ('b', '|u1', (2, 2))]", "(3, 4)"), 96),
		"objects.npy":            npy(array("'|O'", "(3, 4)"), 10),
		"a/external-data.tflite": flatbuffer(external),
	}
}

func TestEachChangeOfAByteLeavesAFileThatIsReadOrRefused(t *testing.T) {
	t.Parallel()
	for name, file := range seeds(t) {
		if _, err := recogniseAs(name, file); err != nil {
			t.Errorf("%s as it is: %v", name, err)
		}
		for at := range file {
			assertReadOrRefused(t, "cut", file[:at+1])
			for _, c := range []byte{0, 0x7f, 0xff, file[at] + 1, file[at] - 1} {
				changed := file[:at] + string([]byte{c}) + file[at+1:]
				assertReadOrRefused(t, name, changed)
				assertReadOrRefused(t, "w.bin", changed)
			}
		}
	}
}

// assertReadOrRefused checks that the file is read, or is refused with a sentence, and that what is read can be used.
func assertReadOrRefused(t *testing.T, path ref.Path, file string) {
	t.Helper()
	m, err := recogniseAs(path, file)
	refusal, refused := errors.AsType[*formats.Refusal](err)
	if err != nil && (!refused || refusal.Detail == "" || refusal.Code == "" || refusal.Format == "" || strings.Contains(refusal.Detail, "%!")) {
		t.Errorf("%s: %#v", path, err)
	}
	for _, e := range m.External {
		if _, err := ref.ParsePath(string(formats.Beside(path, e.Path))); err != nil || e.Size < 0 || e.Path == path {
			t.Errorf("%s: accepted with data in %q, %d bytes", path, e.Path, e.Size)
		}
	}
	if m.Parameters < 0 || m.ContextLength < 0 {
		t.Errorf("%s: %d parameters, context of %d", path, m.Parameters, m.ContextLength)
	}
}
