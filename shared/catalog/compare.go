package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Pair names two versions: "1.3.0...1.4.0", "v1...latest".
type Pair struct{ A, B ref.Selector }

// UnmarshalText reads a pair.
func (p *Pair) UnmarshalText(text []byte) error {
	a, b, ok := strings.Cut(string(text), "...")
	if !ok || a == "" || b == "" {
		return invalid("range", "is written 1.3.0...1.4.0")
	}
	if err := p.A.UnmarshalText([]byte(a)); err != nil {
		return err
	}
	return p.B.UnmarshalText([]byte(b))
}

// Compare names the versions to compare.
type Compare struct {
	Model ref.Model `path:"t/m"`
	Range Pair      `path:"range"`
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

// Compare tells how two versions of a model differ; retired ones may be compared too.
func (c *Catalog) Compare(ctx context.Context, who auth.Principal, in Compare) (found Comparison, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		a, err := side(ctx, tx, who, in.Model, in.Range.A)
		if err != nil {
			return err
		}
		b, err := side(ctx, tx, who, in.Model, in.Range.B)
		if err != nil {
			return err
		}
		found = compare(a, b)
		return nil
	})
	return found, err
}

// compared is a version with its files' details.
type compared struct {
	Version

	weights []Tensor // nil where the formats do not name them, or too many
}

func side(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model, s ref.Selector) (compared, error) {
	v, err := standing(ctx, tx, who, NamedVersion{m, s})
	if err != nil {
		return compared{}, err
	}
	files, err := describeFiles(ctx, tx, v.ID)
	if err != nil {
		return compared{}, err
	}
	one := compared{Version: v}
	for _, f := range files {
		var details struct {
			Tensors []Tensor `json:"tensors"`
			Omitted bool     `json:"omitted"`
		}
		if err := json.Unmarshal(f.Details, &details); err != nil {
			return compared{}, fault.New(fault.Internal, "What was found in a file cannot be read.", fault.Cause(fmt.Errorf("details of %s: %w", f.Path, err)))
		}
		if details.Omitted {
			return compared{Version: v}, nil
		}
		one.weights = append(one.weights, details.Tensors...)
	}
	return one, nil
}

func compare(a, b compared) Comparison {
	c := Comparison{
		Model: a.Model, A: a.Version.Version, B: b.Version.Version,
		Metadata: compareMetadata(a.Metadata, b.Metadata), Files: compareFiles(a.Files, b.Files),
		Inputs: compareTensors(a.Inputs, b.Inputs), Outputs: compareTensors(a.Outputs, b.Outputs),
		Size: ChangedSize{A: a.Size, B: b.Size, Shared: shared(a.Files, b.Files)},
	}
	if a.weights != nil && b.weights != nil {
		weights := compareTensors(a.weights, b.weights)
		c.Tensors = &weights
	}
	return c
}

func compareMetadata(a, b Metadata) ChangedMetadata {
	c := ChangedMetadata{map[string]any{}, map[string]any{}, map[string]ChangedValues{}}
	for key, was := range a {
		is, ok := b[key]
		switch {
		case !ok:
			c.Removed[key] = was
		case !reflect.DeepEqual(was, is):
			c.Changed[key] = ChangedValues{was, is}
		}
	}
	for key, is := range b {
		if _, ok := a[key]; !ok {
			c.Added[key] = is
		}
	}
	return c
}

func compareFiles(a, b []File) ChangedFiles {
	c := ChangedFiles{[]File{}, []File{}, []FilePair{}, []ref.Path{}}
	before := map[ref.Path]File{}
	for _, f := range a {
		before[f.Path] = f
	}
	for _, f := range b {
		was, ok := before[f.Path]
		delete(before, f.Path)
		switch {
		case !ok:
			c.Added = append(c.Added, f)
		case was.SHA256 != f.SHA256:
			c.Changed = append(c.Changed, FilePair{f.Path, was, f})
		default:
			c.Same = append(c.Same, f.Path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		c.Removed = append(c.Removed, before[path])
	}
	return c
}

func compareTensors(a, b []Tensor) ChangedTensors {
	c := ChangedTensors{[]Tensor{}, []Tensor{}, []TensorPair{}, []TensorPair{}}
	before := map[string]Tensor{}
	for _, t := range a {
		before[t.Name] = t
	}
	for _, t := range b {
		was, ok := before[t.Name]
		delete(before, t.Name)
		if !ok {
			c.Added = append(c.Added, t)
			continue
		}
		if !slices.Equal(was.Shape, t.Shape) {
			c.Reshaped = append(c.Reshaped, TensorPair{t.Name, was, t})
		}
		if was.Datatype != t.Datatype {
			c.Retyped = append(c.Retyped, TensorPair{t.Name, was, t})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		c.Removed = append(c.Removed, before[name])
	}
	return c
}

// shared counts the bytes of b's files whose content a has too.
func shared(a, b []File) int64 {
	held := map[ref.Digest]bool{}
	for _, f := range a {
		held[f.SHA256] = true
	}
	var sum int64
	for _, f := range b {
		if held[f.SHA256] {
			sum += f.Size
		}
	}
	return sum
}
