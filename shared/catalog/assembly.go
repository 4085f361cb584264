package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// maxNamed bounds the files that one refusal of a publication names.
const maxNamed = 20

// assembly finds out whether the files of a draft make a version that can be served: one model to load, each file that a model needs, and none
// that nobody knows what it is for.
type assembly struct {
	files    []FileObject // by path
	sizes    map[ref.Path]int64
	named    map[ref.Path]bool // the files that a model names
	problems []fault.FieldError
	count    int // of the problems, of which the first maxNamed are kept
}

func newAssembly(files []FileObject) *assembly {
	a := &assembly{files: files, sizes: make(map[ref.Path]int64, len(files)), named: map[ref.Path]bool{}}
	for _, f := range files {
		a.sizes[f.Path] = f.Size
	}
	return a
}

// need records that a model needs so many bytes of a file, which it names from its own directory.
func (a *assembly) need(model, file ref.Path, size int64) {
	path := formats.Beside(model, file)
	switch has, there := a.sizes[path]; {
	case !there:
		a.problemf(path, "%s needs %s with %d bytes or more, which the version does not have: push it, and publish again.", model, path, size)
		return
	case has < size:
		a.problemf(path, "%s needs %d bytes of %s, which has %d: push the whole file, and publish again.", model, size, path, has)
	}
	a.named[path] = true
}

func (a *assembly) problemf(path ref.Path, format string, values ...any) {
	a.count++
	if len(a.problems) < maxNamed {
		a.problems = append(a.problems, fault.FieldError{Field: "files[" + string(path) + "]", Detail: fmt.Sprintf(format, values...)})
	}
}

// entry returns the file that the model server loads. It fails with Unprocessable, which names what is missing, too short or superfluous.
func (a *assembly) entry(version string) (FileObject, error) {
	var models []ref.Path
	for _, f := range a.files {
		switch {
		case formats.IsModel(formats.Format(f.Format)):
			models = append(models, f.Path)
		case !a.named[f.Path] && !formats.IsAsset(f.Path):
			a.problemf(f.Path, "%s is no model, no model names it, and its name is none of those that may lie beside a model (%s). Make another version without it.",
				f.Path, formats.AssetEndings())
		}
	}
	entry, ok := formats.Entry(models)
	switch {
	case len(models) == 0:
		return FileObject{}, fault.New(fault.Unprocessable,
			fmt.Sprintf("None of the files of %s is a model: push an ONNX file, and publish again.", version), fault.Field("files"))
	case !ok:
		return FileObject{}, fault.New(fault.Unprocessable,
			fmt.Sprintf("%s has several models, %s: the one to serve must be called model.onnx.", version, someOf(models)), fault.Field("files"))
	case a.count > 0:
		return FileObject{}, a.refusal(version)
	}
	return a.files[slices.IndexFunc(a.files, func(f FileObject) bool { return f.Path == entry })], nil
}

// refusal says what is wrong with the files: the first of it in the message, and each in a field.
func (a *assembly) refusal(version string) error {
	message := fmt.Sprintf("%s cannot be published: %s", version, a.problems[0].Detail)
	if a.count > 1 {
		message += fmt.Sprintf(" There are %d problems more with its files.", a.count-1)
	}
	return fault.New(fault.Unprocessable, message, fault.Fields(a.problems...))
}

// someOf names the first of some files.
func someOf(paths []ref.Path) string {
	const most = 5
	names := make([]string, 0, most+1)
	for _, path := range paths[:min(len(paths), most)] {
		names = append(names, string(path))
	}
	if more := len(paths) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
