package formats

import (
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

// promised returns the format that the file must have: that of its name's ending, else the claimed one, "" for any.
func (c Claim) promised() Format {
	if named := OfName(c.Path); named != "" {
		return named
	}
	return c.Format
}

// Recognise returns the model in a file of size bytes. For a file that has no model's format, and is not claimed to have one, it returns a Model of
// the format Data. It fails with *Refusal if the file is not accepted or not what it is claimed to be, and with r's error if it cannot be read.
func Recognise(r io.ReaderAt, size int64, claim Claim) (Model, error) {
	if size == 0 {
		return Model{}, &Refusal{Empty, Unknown, "this file is empty"}
	}
	head, err := newFile(r, size).peek(0, headSize)
	if err != nil {
		return Model{}, err
	}
	if other := signatureOf(head, size); other != nil {
		return Model{}, other
	}
	promised := claim.promised()
	if tooLarge := CheckSize(promised, size); tooLarge != nil {
		return Model{}, tooLarge
	}
	found, err := readAny(r, size, promised, head)
	if err != nil {
		return Model{}, err
	}
	if promised == Data && found.Format != Data {
		return Model{}, &Refusal{UnsupportedFormat, found.Format, "this file is a model (" + string(found.Format) + "), and was announced as data"}
	}
	return found, checkPlace(found, claim.Path)
}

// readAny reads the file with each format's reader in turn, and returns the first model that one accepts. If none
// accepts it, it returns Data, or the *Refusal of the reader of the promised format. It fails with r's error if the
// file cannot be read.
func readAny(r io.ReaderAt, size int64, promised Format, head []byte) (Model, error) {
	for _, s := range table {
		if size > s.maxSize {
			continue
		}
		found, err := s.read(newFile(r, size))
		var refusal *Refusal
		switch {
		case err == nil:
			return found, nil
		case !errors.As(err, &refusal):
			return Model{}, err
		case promised == s.format && !plausible(found):
			return Model{}, unrecognised(head)
		case promised == s.format:
			return Model{}, refusal
		}
	}
	return newModel(Data), nil
}

// newModel returns an empty model of the format. Its lists are empty but not nil, so that its JSON has them.
func newModel(f Format) Model {
	return Model{
		Format: f, Opsets: []Opset{}, Inputs: []TensorInfo{}, Outputs: []TensorInfo{}, Tensors: []TensorInfo{},
		Operators: []Operator{}, External: []ExternalFile{}, Findings: []Finding{},
	}
}

// plausible reports whether what was read before an error can come from an ONNX file: protobuf has no signature, but each ONNX file begins with its
// IR version.
func plausible(m Model) bool {
	const someday = 100 // 14 in 2026
	return m.IRVersion >= 1 && m.IRVersion <= someday
}

// unrecognised returns the refusal of a file of no known format. It says whether the head is text.
func unrecognised(head []byte) *Refusal {
	if isText(head) {
		return &Refusal{UnsupportedFormat, Text, "this is text, not ONNX"}
	}
	return &Refusal{UnsupportedFormat, Unknown, "this is not ONNX, nor any other format that is known here"}
}

// checkPlace fails with *Refusal unless each file with the model's data can lie in the version, beside the model at the path, and is not the model
// itself.
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
