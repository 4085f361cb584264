package formats

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/17882237881/MaaS/api/ref"
)

// headSize is how much of a file is looked at to recognise it: enough for tar's magic at 257 and for the first names in a zip.
const headSize = 4 << 10

// Claim is what is said of a file before its bytes are looked at.
type Claim struct {
	Path   ref.Path // in the version; a model's ending promises its format
	Format Format   // what the file should be; "" for what its name promises
}

// promised returns the formats of which the file must have one: those its name stands for, else the claimed one; none for any.
func (c Claim) promised() []Format {
	if named := OfName(c.Path); len(named) > 0 {
		return named
	}
	if c.Format != "" {
		return []Format{c.Format}
	}
	return nil
}

// Recognise returns the model in a file of size bytes. For a file that has no model's format, and is not claimed to have one, it returns a Model of
// the format Data. It fails with *Refusal if the file is not accepted or not what it is claimed to be, and with r's error if it cannot be read.
func Recognise(r io.ReaderAt, size int64, claim Claim) (Model, error) {
	if size == 0 {
		return Model{}, &Refusal{Empty, Unknown, "this file is empty"}
	}
	f := newFile(r, size, claim.Path)
	window, err := f.peek(0, headSize)
	if err != nil {
		return Model{}, err
	}
	head := bytes.Clone(window)
	promised := claim.promised()
	if tooLarge := CheckSize(promised, size); tooLarge != nil {
		return Model{}, tooLarge
	}
	found, err := readAny(f, head, promised)
	if err != nil {
		return Model{}, err
	}
	if err := checkPromise(found, promised, head); err != nil {
		return Model{}, err
	}
	if err := checkPlace(found, claim.Path); err != nil {
		return Model{}, err
	}
	return found, nil
}

// readAny reads the file with the reader that recognises it, or returns Data. It fails with a *Refusal if the reader refuses the file or the
// file has a format that is not accepted, and with the file's own error if it cannot be read.
func readAny(f *file, head []byte, promised []Format) (Model, error) {
	foreign := false
	for _, reader := range readers {
		a := reader.about()
		if a.unsigned && !foreign {
			foreign = true
			if other := foreignOf(head, promised); other != nil {
				return Model{}, other
			}
		}
		if a.unsigned && a.maxSize > 0 && f.size > a.maxSize {
			continue
		}
		found, err := readWith(reader, newFile(f.from, f.size, f.path))
		refusal, refused := errors.AsType[*Refusal](err)
		switch {
		case err == nil:
			return found, nil
		case errors.Is(err, errOther), refused && a.unsigned && refusal.Code != RunsCode && !slices.Contains(promised, a.format):
		case refused:
			return Model{}, refusal.named(a)
		default:
			return Model{}, err
		}
	}
	return newModel(Data), nil
}

// readWith reads the file with one reader. It fails with errOther if the reader does not recognise the file.
func readWith(reader reader, f *file) (Model, error) {
	a := reader.about()
	recognised, err := reader.recognises(f)
	switch {
	case err != nil:
		return Model{}, err
	case !recognised:
		return Model{}, errOther
	}
	if tooLarge := CheckSize([]Format{a.format}, f.size); tooLarge != nil {
		return Model{}, tooLarge
	}
	return reader.read(f)
}

// checkPromise returns the refusal of a file that does not have one of the promised formats, or nil.
func checkPromise(found Model, promised []Format, head []byte) error {
	if len(promised) == 0 || slices.Contains(promised, found.Format) {
		return nil
	}
	a, isModel := ofFormat(found.Format)
	switch {
	case a.asset && slices.Contains(promised, Data):
		return nil
	case isModel && slices.Contains(promised, Data):
		return &Refusal{UnsupportedFormat, found.Format, "this file is a model (" + string(found.Format) + "), and was announced as data"}
	case isModel:
		return &Refusal{UnsupportedFormat, found.Format, "this is " + a.name + ", not " + Names(promised)}
	case isText(head):
		return &Refusal{UnsupportedFormat, Text, "this is text, not " + Names(promised)}
	default:
		return &Refusal{UnsupportedFormat, Unknown, "this is not " + Names(promised) + ", nor of any other format that is known here"}
	}
}

// newModel returns a model about which nothing is known but its format; its lists are empty, so that JSON has them.
func newModel(f Format) Model {
	return Model{
		Format: f, Inputs: []TensorInfo{}, Outputs: []TensorInfo{}, Tensors: []TensorInfo{}, External: []ExternalFile{}, Findings: []Finding{},
	}
}

// checkPlace makes sure that the files with a model's data can lie in the version, beside the model at the path, and are not the model itself.
func checkPlace(m Model, at ref.Path) error {
	i := slices.IndexFunc(m.External, func(e ExternalFile) bool {
		beside := Beside(at, e.Path)
		_, err := ref.ParsePath(string(beside))
		return err != nil || beside == at
	})
	if i < 0 {
		return nil
	}
	why := "a path that is too long in the version"
	if Beside(at, m.External[i].Path) == at {
		why = "the model file itself"
	}
	return &Refusal{UnsafeReference, m.Format, "the data of a tensor is in " + shorten(string(m.External[i].Path)) + ", which is " + why}
}
