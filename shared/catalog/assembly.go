package catalog

import (
	"fmt"
	"slices"

	"github.com/17882237881/MaaS/api"
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
	policy   api.FormatPolicy
	problems []fault.FieldError
	count    int // of the problems, of which the first maxNamed are kept
}

func newAssembly(files []FileObject, policy api.FormatPolicy) *assembly {
	a := &assembly{files: files, policy: policy, sizes: make(map[ref.Path]int64, len(files)), named: map[ref.Path]bool{}}
	for _, f := range files {
		a.sizes[f.Path] = f.Size
	}
	return a
}

// need records that a model needs so many bytes of the file at a path.
func (a *assembly) need(model, path ref.Path, size int64) {
	switch has, there := a.sizes[path]; {
	case !there:
		a.problemf(path, "%s needs %s with %d bytes or more, which the version does not have: push it, and publish again.", model, path, size)
		return
	case has < size:
		a.problemf(path, "%s needs %d bytes of %s, which has %d: push the whole file, and publish again.", model, size, path, has)
	}
	a.named[path] = true
}

// judge records that the policy refuses what a model file was found to have.
func (a *assembly) judge(file ref.Path, found formats.Model) {
	if refused := formats.CheckPolicy(found, a.policy); refused != nil {
		a.problemf(file, "%s: %s.", file, refused.Detail)
	}
}

func (a *assembly) problemf(path ref.Path, format string, values ...any) {
	a.count++
	if len(a.problems) < maxNamed {
		a.problems = append(a.problems, fault.FieldError{Field: "files[" + string(path) + "]", Detail: fmt.Sprintf(format, values...)})
	}
}

// arrange returns what the files make together, and the file that the model server loads. It fails with Unprocessable, which names what is missing, too
// short or superfluous.
func (a *assembly) arrange(version string) (formats.Arrangement, FileObject, error) {
	all := make([]formats.File, len(a.files))
	for i, f := range a.files {
		all[i] = formats.File{Path: f.Path, Format: formats.Format(f.Format), Named: a.named[f.Path]}
	}
	found, err := formats.Arrange(all)
	if err != nil {
		return found, FileObject{}, fault.New(fault.Unprocessable, fmt.Sprintf("%s cannot be published: %s.", version, err), fault.Field("files"))
	}
	for _, needed := range found.Needs {
		a.need(found.Entry, needed, 1)
	}
	inParts := found.Kind == formats.HuggingFace || len(found.Needs) > 0
	for _, f := range a.files {
		model, code := formats.IsModel(formats.Format(f.Format)), formats.IsCode(f.Path)
		switch {
		case f.Path == found.Entry:
		case code && a.policy.Code == api.AllowFormat:
		case !code && (a.named[f.Path] || found.Belongs(f.Path)):
		case model && inParts:
			a.problemf(f.Path, "%s is a model that %s does not name: make another version without it.", f.Path, found.Entry)
		case code:
			a.problemf(f.Path, "%s is code, which the tenant's policy refuses (code: refuse). Make another version without it.", f.Path)
		case f.Format == string(formats.Data) && !formats.IsAsset(f.Path):
			a.problemf(f.Path, "%s is no model, no model names it, and its name is none of those that may lie beside a model (%s). Make another version without it.",
				f.Path, formats.AssetEndings())
		}
	}
	if a.count > 0 {
		return found, FileObject{}, a.refusal(version)
	}
	return found, a.files[slices.IndexFunc(a.files, func(f FileObject) bool { return f.Path == found.Entry })], nil
}

// refusal says what is wrong with the files: the first of it in the message, and each in a field.
func (a *assembly) refusal(version string) error {
	message := fmt.Sprintf("%s cannot be published: %s", version, a.problems[0].Detail)
	if a.count > 1 {
		message += fmt.Sprintf(" There are %d problems more with its files.", a.count-1)
	}
	return fault.New(fault.Unprocessable, message, fault.Fields(a.problems...))
}
