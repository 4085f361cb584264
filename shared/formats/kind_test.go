package formats_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// version makes files out of "path=format"; without a format a file is data.
func version(files ...string) []formats.File {
	all := make([]formats.File, len(files))
	for i, f := range files {
		name, format, named := strings.Cut(f, "=")
		if !named {
			format = string(formats.Data)
		}
		all[i] = formats.File{Path: ref.Path(name), Format: formats.Format(format)}
	}
	return all
}

func TestAVersionsKindFollowsFromAllItsFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		kind  formats.Kind
		entry ref.Path
	}{
		"one file":                 {[]string{"a/b.onnx=onnx", "README.md"}, "onnx", "a/b.onnx"},
		"called model":             {[]string{"a.onnx=onnx", "model.onnx=onnx"}, "onnx", "model.onnx"},
		"a Hugging Face model":     {[]string{"config.json", "model.safetensors=safetensors", "tokenizer.json"}, formats.HuggingFace, "model.safetensors"},
		"one in a folder":          {[]string{"m/config.json", "m/model.safetensors=safetensors"}, formats.HuggingFace, "m/model.safetensors"},
		"one in several files":     {[]string{"config.json", "a.safetensors=safetensors", "b.safetensors=safetensors", "i.json=safetensors-index"}, formats.HuggingFace, "i.json"},
		"weights without settings": {[]string{"w.safetensors=safetensors", "m/config.json"}, "safetensors", "w.safetensors"},
	} {
		got, err := formats.Arrange(version(c.files...))
		if err != nil || got.Kind != c.kind || got.Entry != c.entry || len(got.Needs) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAModelInSeveralFilesNeedsAllOfThem(t *testing.T) {
	t.Parallel()
	got, err := formats.Arrange(version("m-00002-of-00003.gguf=gguf"))
	want := []ref.Path{"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"}
	if err != nil || got.Kind != "gguf" || got.Entry != want[0] || !slices.Equal(got.Needs, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, other := range [][]string{
		{"m-00001-of-00002.gguf=gguf", "n-00001-of-00002.gguf=gguf"}, {"m-00001-of-00002.gguf=gguf", "x.gguf=gguf"},
		{"m-00001-of-99999.gguf=gguf", "m-00002-of-99999.gguf=gguf"}, {"m-00001-of-00000.gguf=gguf", "m-00002-of-00000.gguf=gguf"},
	} {
		if got, err := formats.Arrange(version(other...)); err == nil {
			t.Errorf("%v are %+v", other, got)
		}
	}
}

func TestWhatIsNoVersionIsSaid(t *testing.T) {
	t.Parallel()
	for want, files := range map[string][]string{
		"none of the files is a model": {"README.md", "w.bin"},
		"it has several models, a.onnx, b.onnx: one of them alone must be called model": {"a.onnx=onnx", "b.onnx=onnx"},
		"a.safetensors, b.safetensors, and no index":                                    {"config.json", "a.safetensors=safetensors", "b.safetensors=safetensors"},
		"several indexes of safetensors files, i.json, j.json":                          {"config.json", "i.json=safetensors-index", "j.json=safetensors-index"},
		"a0.onnx, a1.onnx, a2.onnx, a3.onnx, a4.onnx, 3 more":                           many("a%d.onnx=onnx", 8),
	} {
		if got, err := formats.Arrange(version(files...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %+v, %v", files, got, err)
		}
	}
}

func many(name string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(name, i)
	}
	return all
}

func TestFilesOfASavedModelBelongToItByTheirPlaces(t *testing.T) {
	t.Parallel()
	a := formats.Arrangement{Kind: "savedmodel", Entry: "m/saved_model.pb"}
	for file, want := range map[ref.Path]bool{
		"m/variables/variables.index": true, "m/assets/vocab": true, "m/fingerprint.pb": true,
		"variables/x": false, "m/x.bin": false, "m/variables": false, "n/variables/x": false,
	} {
		if a.Belongs(file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}
}
