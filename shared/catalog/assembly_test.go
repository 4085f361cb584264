package catalog

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

type needed struct {
	model, file ref.Path
	size        int64
}

// draftOf makes a draft's files out of paths, formats and sizes: "model.onnx" is a model of 1 byte, "w.bin 9" is data of 9 bytes.
func draftOf(paths ...string) []FileObject {
	files := make([]FileObject, len(paths))
	for i, p := range paths {
		name, size, isData := strings.Cut(p, " ")
		files[i].Path, files[i].Format, files[i].Size = ref.Path(name), "onnx", 1
		if isData {
			files[i].Format, files[i].Size = "data", int64(len(size))
		}
	}
	return files
}

func TestADraftIsAVersionIfItHasWhatItsModelsNeedAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []FileObject
		needs []needed
		entry ref.Path // "" for a refusal, which has the text says
		says  string
	}{
		"a model":                {draftOf("a.onnx"), nil, "a.onnx", ""},
		"with its data":          {draftOf("m/a.onnx", "m/w/1 xxxx"), []needed{{"m/a.onnx", "w/1", 4}}, "m/a.onnx", ""},
		"with assets":            {draftOf("config.json x", "model.onnx", "LICENSE x"), nil, "model.onnx", ""},
		"called model":           {draftOf("a.onnx", "model.onnx"), nil, "model.onnx", ""},
		"data that is missing":   {draftOf("m/a.onnx", "w x"), []needed{{"m/a.onnx", "w", 1}}, "", "m/a.onnx needs m/w with 1 bytes or more"},
		"data that is too short": {draftOf("a.onnx", "w xxx"), []needed{{"a.onnx", "w", 4}}, "", "a.onnx needs 4 bytes of w, which has 3"},
		"of another model than the entry": {
			draftOf("b.onnx", "model.onnx"), []needed{{"b.onnx", "w", 4}}, "", "b.onnx needs w",
		},
		"data of nobody":    {draftOf("a.onnx", "w x"), nil, "", "w is no model"},
		"no model":          {draftOf("w x"), nil, "", "none of the files is a model"},
		"several models":    {draftOf("a.onnx", "b.onnx"), nil, "", "several models, a.onnx, b.onnx"},
		"models as data":    {draftOf("b.onnx", "model.onnx"), []needed{{"model.onnx", "b.onnx", 1}}, "model.onnx", ""},
		"needed by a few":   {draftOf("a.onnx", "w xxx"), []needed{{"a.onnx", "w", 1}, {"a.onnx", "w", 3}}, "a.onnx", ""},
		"nothing of a file": {draftOf("a.onnx", "w x"), []needed{{"a.onnx", "w", 0}}, "a.onnx", ""},
	} {
		a := newAssembly(c.files, api.DefaultFormats())
		for _, n := range c.needs {
			a.need(n.model, formats.Beside(n.model, n.file), n.size)
		}
		_, entry, err := a.arrange("acme/x@1.0.0")
		if entry.Path != c.entry {
			t.Errorf("%s: the entry is %q, want %q", name, entry.Path, c.entry)
		}
		if c.entry == "" && (!fault.Is(err, fault.Unprocessable) || !strings.Contains(fault.From(err).Message, c.says)) {
			t.Errorf("%s: %v does not say %q", name, err, c.says)
		}
		if c.entry != "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARefusalNamesTheFirstFilesInOrder(t *testing.T) {
	t.Parallel()
	a := newAssembly(draftOf("a.onnx"), api.DefaultFormats())
	for i := range 100 {
		a.need("a.onnx", ref.Path("w"+string(rune('a'+i/26))+string(rune('a'+i%26))), 1)
	}
	_, _, err := a.arrange("acme/x@1.0.0")
	faulttest.AssertKind(t, err, fault.Unprocessable)
	fields := fault.From(err).Fields
	if len(fields) != 20 || fields[0].Field != "files[waa]" || fields[19].Field != "files[wat]" || !strings.Contains(fault.From(err).Message, "99 problems more") {
		t.Errorf("%d fields, %v: %v", len(fields), fields, err)
	}
}

func TestAConfigurationLiesBesideAModelAndIsNone(t *testing.T) {
	t.Parallel()
	files := draftOf("config.json", "a.onnx")
	files[0].Format = "config"

	_, entry, err := newAssembly(files, api.DefaultFormats()).arrange("acme/x@1.0.0")

	if err != nil || entry.Path != "a.onnx" {
		t.Errorf("the entry is %q, %v", entry.Path, err)
	}
}
