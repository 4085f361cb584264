package api

import (
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// ComparedVersions names two versions: "1.3.0...1.4.0", "v1...latest".
type ComparedVersions struct{ A, B ref.Selector }

// MarshalText writes both references like "1.3.0...1.4.0". It never fails.
func (p ComparedVersions) MarshalText() ([]byte, error) {
	return []byte(p.A.String() + "..." + p.B.String()), nil
}

// UnmarshalText reads two references like "1.3.0...1.4.0". It fails with Invalid if the dots or a reference is missing, or one is malformed.
func (p *ComparedVersions) UnmarshalText(text []byte) error {
	a, b, ok := strings.Cut(string(text), "...")
	if !ok || a == "" || b == "" {
		return fault.InvalidField("range", "is written 1.3.0...1.4.0")
	}
	if err := p.A.UnmarshalText([]byte(a)); err != nil {
		return err
	}
	return p.B.UnmarshalText([]byte(b))
}

// Comparison tells how version B differs from version A.
type Comparison struct {
	Model    ref.Model       `json:"model"`
	A        ref.Version     `json:"a"`
	B        ref.Version     `json:"b"`
	Metadata ChangedMetadata `json:"metadata"`
	Files    ChangedFiles    `json:"files"`
	Inputs   ChangedTensors  `json:"inputs"`
	Outputs  ChangedTensors  `json:"outputs"`
	Tensors  *ChangedTensors `json:"tensors,omitempty"` // the weights, where both versions' formats name them
	Size     ChangedSize     `json:"size"`
}

// ChangedMetadata tells which keys came, went and changed.
type ChangedMetadata struct {
	Added   map[string]any           `json:"added"`
	Removed map[string]any           `json:"removed"`
	Changed map[string]ChangedValues `json:"changed"`
}

// ChangedValues are a key's two values.
type ChangedValues struct {
	A any `json:"a"`
	B any `json:"b"`
}

// ChangedFiles tells which paths came, went and hold other bytes.
type ChangedFiles struct {
	Added   []File     `json:"added"`
	Removed []File     `json:"removed"`
	Changed []FilePair `json:"changed"`
	Same    []ref.Path `json:"same"`
}

// FilePair is a path's two files.
type FilePair struct {
	Path ref.Path `json:"path"`
	A    File     `json:"a"`
	B    File     `json:"b"`
}

// ChangedTensors tells which tensors came, went, and have another shape or datatype.
type ChangedTensors struct {
	Added    []Tensor     `json:"added"`
	Removed  []Tensor     `json:"removed"`
	Reshaped []TensorPair `json:"reshaped"`
	Retyped  []TensorPair `json:"retyped"`
}

// TensorPair is a name's two tensors.
type TensorPair struct {
	Name string `json:"name"`
	A    Tensor `json:"a"`
	B    Tensor `json:"b"`
}

// ChangedSize compares bytes. Shared counts those of B's files that A has too, under whatever path.
type ChangedSize struct {
	A      int64 `json:"a"`
	B      int64 `json:"b"`
	Shared int64 `json:"shared_bytes"`
}

// CompareRequest names the versions to compare.
type CompareRequest struct {
	Model ref.Model        `path:"t/m"`
	Range ComparedVersions `path:"range"`
}
