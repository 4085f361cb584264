package catalog

import (
	"encoding/json"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
)

func file(path ref.Path, content string) api.File {
	return api.File{Path: path, Size: int64(len(content)), SHA256: ref.SumOf([]byte(content)), Format: "onnx"}
}

func tensor(name, datatype string, shape ...int64) api.Tensor {
	return api.Tensor{Name: name, Datatype: datatype, Shape: shape}
}

func TestAComparisonTellsWhatChanged(t *testing.T) {
	t.Parallel()
	a := compared{Version: api.Version{
		Metadata: api.Metadata{"same": "x", "gone": json.Number("1"), "other": []any{"a"}},
		Files:    []api.File{file("gone", "1"), file("model.onnx", "22"), file("same", "333")},
		Inputs:   []api.Tensor{tensor("gone", "FP32", 1), tensor("shaped", "FP32", -1, 2), tensor("typed", "FP32", 1)},
		Size:     6,
	}}
	b := compared{Version: api.Version{
		Metadata: api.Metadata{"same": "x", "new": "y", "other": []any{"b"}},
		Files:    []api.File{file("model.onnx", "4444"), file("moved", "22"), file("same", "333")},
		Inputs:   []api.Tensor{tensor("new", "FP32", 1), tensor("shaped", "FP32", -1, 3), tensor("typed", "FP64", 1)},
		Size:     9,
	}}
	c := compare(a, b)
	if m := c.Metadata; len(m.Added) != 1 || len(m.Removed) != 1 || len(m.Changed) != 1 || m.Added["new"] != "y" {
		t.Errorf("metadata %+v", m)
	}
	if f := c.Files; len(f.Added) != 1 || f.Added[0].Path != "moved" || len(f.Removed) != 1 || len(f.Changed) != 1 || len(f.Same) != 1 {
		t.Errorf("files %+v", f)
	}
	if i := c.Inputs; len(i.Added) != 1 || len(i.Removed) != 1 || len(i.Reshaped) != 1 || i.Reshaped[0].Name != "shaped" || len(i.Retyped) != 1 {
		t.Errorf("inputs %+v", i)
	}
	if c.Size != (api.ChangedSize{A: 6, B: 9, Shared: 5}) {
		t.Errorf("size %+v", c.Size)
	}
	if c.Tensors != nil {
		t.Error("the weights are compared although they are not known")
	}
}

func TestAVersionDoesNotDifferFromItself(t *testing.T) {
	t.Parallel()
	v := compared{Version: api.Version{Files: []api.File{file("a", "1")}, Inputs: []api.Tensor{tensor("x", "FP32", 1)}, Size: 1}, weights: []api.Tensor{tensor("w", "FP32", 1)}}
	c := compare(v, v)
	if len(c.Files.Added)+len(c.Files.Removed)+len(c.Files.Changed)+len(c.Inputs.Added)+len(c.Inputs.Reshaped) != 0 || c.Size.Shared != 1 || c.Tensors == nil {
		t.Errorf("%+v", c)
	}
}
