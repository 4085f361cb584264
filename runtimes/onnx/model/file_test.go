package model_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/runtimes/onnx/model"
	"github.com/17882237881/MaaS/runtimes/onnx/ort/orttest"
	"github.com/17882237881/MaaS/shared/formatstest"
)

// folder makes a folder with files of these contents.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func onnx(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(orttest.Path("digits.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestFindGoesByContent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"any name", map[string]string{"a.bin": onnx(t)}, "a.bin"},
		{"below", map[string]string{"a/b/c": onnx(t), "README.onnx": "text"}, "a/b/c"},
		{"of several, the one called model", map[string]string{"a.onnx": onnx(t), "model.onnx": onnx(t), "b/model.onnx": onnx(t)}, "model.onnx"},
		{"weights that look like one", map[string]string{"m.onnx": onnx(t), "m.weights": "\x08\x07\x12\x01"}, "m.onnx"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := folder(t, test.files)
			got, err := model.Find(root)
			if err != nil || got != filepath.Join(root, test.want) {
				t.Errorf("found %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestFindFollowsALink(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Symlink(orttest.Path("digits.onnx"), filepath.Join(root, "m")); err != nil {
		t.Fatal(err)
	}
	if got, err := model.Find(root); err != nil || got != filepath.Join(root, "m") {
		t.Errorf("found %q, %v", got, err)
	}
}

func TestFindWantsExternalDataInTheFolder(t *testing.T) {
	t.Parallel()
	table := formatstest.Table{Location: "w/all.bin", Rows: 2, Columns: 2, Tables: 2}
	whole, file := string(make([]byte, table.Size())), string(table.Model("test"))
	for name, c := range map[string]struct {
		data string
		good bool
	}{"whole": {whole, true}, "longer": {whole + "x", true}, "too short": {whole[1:], false}} {
		_, err := model.Find(folder(t, map[string]string{"m/model.onnx": file, "m/w/all.bin": c.data}))
		if (err == nil) != c.good || err != nil && !fault.Is(err, fault.Unprocessable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	missing := folder(t, map[string]string{"model.onnx": file})
	_, err := model.Find(missing)
	faulttest.AssertKind(t, err, fault.Unprocessable)
	outside := folder(t, map[string]string{"all.bin": whole})
	if err := os.Symlink(outside, filepath.Join(missing, "w")); err != nil {
		t.Fatal(err)
	}
	_, err = model.Find(missing)
	faulttest.AssertKind(t, err, fault.Unprocessable)
}

func TestFindRefusesNoneAndMany(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"none":           {"a.onnx": "", "b.onnx": "text", "c": "\x80\x04"},
		"many":           {"a.onnx": onnx(t), "b.onnx": onnx(t)},
		"many of a name": {"model.a": onnx(t), "model.b": onnx(t), "c.onnx": onnx(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := model.Find(folder(t, files))
			faulttest.AssertKind(t, err, fault.Unprocessable)
		})
	}
	_, err := model.Find(filepath.Join(t.TempDir(), "none"))
	faulttest.AssertKind(t, err, fault.Unavailable)
}
