package commands

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/cmd/maas/progress"
)

func (m Maker) diff() *cobra.Command {
	cmd := &cobra.Command{
		Use: "diff MODEL@A MODEL@B", Short: "Show how two versions of a model differ",
		Example: "  maas diff acme/digits@1.0.0 acme/digits@latest",
		Args:    cobra.ExactArgs(2),
	}
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		a, err := target(arguments[0])
		if err != nil {
			return err
		}
		b, err := target(arguments[1])
		if err != nil {
			return err
		}
		if a.Model != b.Model {
			return misuse(fault.New(fault.Invalid, "Both have to be versions of one model."))
		}
		found, err := s.comparison(ctx, a, b)
		if err != nil {
			return err
		}
		return s.result(found, func(w io.Writer) { writeComparison(w, found) })
	})
}

// comparison asks the server how two versions of a's model differ. b's model is not looked at.
func (s *session) comparison(ctx context.Context, a, b ref.Target) (found api.Comparison, err error) {
	return s.Compare(ctx, api.CompareRequest{Model: a.Model, Range: api.ComparedVersions{A: a.Selector, B: b.Selector}})
}

// writeComparison writes a line for each difference, as diff does: - what only A has, + what only B has, ~ what both have.
func writeComparison(w io.Writer, c api.Comparison) {
	fmt.Fprintf(w, "%s: %s → %s\n", c.Model, c.A, c.B)
	fmt.Fprintf(w, "size: %s → %s, %s shared\n", progress.Bytes(c.Size.A), progress.Bytes(c.Size.B), progress.Bytes(c.Size.Shared))
	for _, f := range c.Files.Removed {
		fmt.Fprintf(w, "- file %s\n", file(f))
	}
	for _, f := range c.Files.Added {
		fmt.Fprintf(w, "+ file %s\n", file(f))
	}
	for _, pair := range c.Files.Changed {
		fmt.Fprintf(w, "~ file %s → %s\n", file(pair.A), file(pair.B))
	}
	writeTensors(w, "input", c.Inputs)
	writeTensors(w, "output", c.Outputs)
	if c.Tensors != nil {
		writeTensors(w, "tensor", *c.Tensors)
	}
	writeMetadata(w, c.Metadata)
}

// file describes a file in one line: path, format, size and the first 12 digits of its SHA-256.
func file(f api.File) string {
	return fmt.Sprintf("%s (%s, %s, sha256 %.12s…)", safe(string(f.Path)), f.Format, progress.Bytes(f.Size), f.SHA256)
}

// writeTensors writes a line for each tensor that was removed (-), added (+) or changed (~). what names their kind, such as "input".
func writeTensors(w io.Writer, what string, c api.ChangedTensors) {
	for _, t := range c.Removed {
		fmt.Fprintf(w, "- %s %s\n", what, tensor(t))
	}
	for _, t := range c.Added {
		fmt.Fprintf(w, "+ %s %s\n", what, tensor(t))
	}
	for _, pair := range slices.Concat(c.Retyped, c.Reshaped) {
		fmt.Fprintf(w, "~ %s %s → %s\n", what, tensor(pair.A), tensor(pair.B))
	}
}

// tensor describes a tensor in one line: name, datatype and shape.
func tensor(t api.Tensor) string {
	return fmt.Sprintf("%s %s %v", safe(t.Name), t.Datatype, t.Shape)
}

// writeMetadata writes a line for each key that was removed (-), added (+) or changed (~), in alphabetical order.
func writeMetadata(w io.Writer, c api.ChangedMetadata) {
	for _, key := range slices.Sorted(maps.Keys(c.Removed)) {
		fmt.Fprintf(w, "- metadata %s\n", safe(key))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Added)) {
		fmt.Fprintf(w, "+ metadata %s\n", safe(fmt.Sprintf("%s: %v", key, c.Added[key])))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Changed)) {
		fmt.Fprintf(w, "~ metadata %s\n", safe(fmt.Sprintf("%s: %v → %v", key, c.Changed[key].A, c.Changed[key].B)))
	}
}
