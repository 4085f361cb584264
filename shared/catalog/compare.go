package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Compare returns how two versions of a model differ; retired ones may be compared too.
func (c *Catalog) Compare(ctx context.Context, who auth.Principal, in api.CompareRequest) (found api.Comparison, err error) {
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
	api.Version

	weights []api.Tensor // nil where the formats do not name them, or too many
}

// side returns the version that a reference points at, whatever its status, with the tensors that its files name. weights is nil if they name none, or if
// they were too many to read. It fails with NotFound if there is no such model or version.
func side(ctx context.Context, tx postgres.Tx, who auth.Principal, m ref.Model, s ref.Selector) (compared, error) {
	v, err := standing(ctx, tx, who, api.VersionRequest{Model: m, Ref: s})
	if err != nil {
		return compared{}, err
	}
	files, err := describeFiles(ctx, tx, uuid.UUID(v.ID))
	if err != nil {
		return compared{}, err
	}
	one := compared{Version: v}
	for _, f := range files {
		var details struct {
			Tensors []api.Tensor `json:"tensors"`
			Omitted bool         `json:"omitted"`
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

// compare returns how version b differs from version a. Its Tensors are nil unless the weights of both are known.
func compare(a, b compared) api.Comparison {
	c := api.Comparison{
		Model: a.Model, A: a.Version.Version, B: b.Version.Version,
		Metadata: compareMetadata(a.Metadata, b.Metadata), Files: compareFiles(a.Files, b.Files),
		Inputs: compareTensors(a.Inputs, b.Inputs), Outputs: compareTensors(a.Outputs, b.Outputs),
		Size: api.ChangedSize{A: a.Size, B: b.Size, Shared: shared(a.Files, b.Files)},
	}
	if a.weights != nil && b.weights != nil {
		weights := compareTensors(a.weights, b.weights)
		c.Tensors = &weights
	}
	return c
}

// compareMetadata returns the keys that only b has as Added, those that only a has as Removed, and those with different values as Changed.
func compareMetadata(a, b api.Metadata) api.ChangedMetadata {
	c := api.ChangedMetadata{Added: map[string]any{}, Removed: map[string]any{}, Changed: map[string]api.ChangedValues{}}
	for key, was := range a {
		is, ok := b[key]
		switch {
		case !ok:
			c.Removed[key] = was
		case !reflect.DeepEqual(was, is):
			c.Changed[key] = api.ChangedValues{A: was, B: is}
		}
	}
	for key, is := range b {
		if _, ok := a[key]; !ok {
			c.Added[key] = is
		}
	}
	return c
}

// compareFiles compares the files of two versions by path: Changed are those with another digest. The lists are empty, not nil, where there are none.
func compareFiles(a, b []api.File) api.ChangedFiles {
	c := api.ChangedFiles{Added: []api.File{}, Removed: []api.File{}, Changed: []api.FilePair{}, Same: []ref.Path{}}
	before := map[ref.Path]api.File{}
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
			c.Changed = append(c.Changed, api.FilePair{Path: f.Path, A: was, B: f})
		default:
			c.Same = append(c.Same, f.Path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before)) {
		c.Removed = append(c.Removed, before[path])
	}
	return c
}

// compareTensors compares tensors by name. One whose shape and type both differ is in Reshaped and in Retyped. The lists are empty, not nil, where there
// are none.
func compareTensors(a, b []api.Tensor) api.ChangedTensors {
	c := api.ChangedTensors{Added: []api.Tensor{}, Removed: []api.Tensor{}, Reshaped: []api.TensorPair{}, Retyped: []api.TensorPair{}}
	before := map[string]api.Tensor{}
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
			c.Reshaped = append(c.Reshaped, api.TensorPair{Name: t.Name, A: was, B: t})
		}
		if was.Datatype != t.Datatype {
			c.Retyped = append(c.Retyped, api.TensorPair{Name: t.Name, A: was, B: t})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		c.Removed = append(c.Removed, before[name])
	}
	return c
}

// shared returns the size of those of b's files whose content a has too, under whatever path, in bytes.
func shared(a, b []api.File) int64 {
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
