package formats

import (
	"errors"
	"io"
	"slices"
)

// headSize is how much of a file is looked at to recognise it: enough for tar's magic at 257 and for the first names in a zip.
const headSize = 4 << 10

// Recognise reads what a file of size bytes is, and what it says of itself. It fails with *Refusal if the file is not accepted, and with r's
// own error if it cannot be read.
func Recognise(r io.ReaderAt, size int64) (Model, error) {
	if size == 0 {
		return Model{}, &Refusal{Empty, Unknown, "this file is empty"}
	}
	f := newFile(r, size)
	head, err := f.peek(0, headSize)
	if err != nil {
		return Model{}, err
	}
	head = slices.Clone(head) // the window moves on
	if other := signatureOf(head, size); other != nil {
		return Model{}, other
	}
	model, err := readONNX(f)
	var refusal *Refusal
	if errors.As(err, &refusal) && !plausible(model) {
		return Model{}, unrecognised(head)
	}
	if err != nil {
		return Model{}, err
	}
	return model, nil
}

// plausible reports whether what was read before the walk failed can have come from an ONNX file: protobuf has no signature, but each ONNX
// file begins with its IR version.
func plausible(m Model) bool {
	const someday = 100 // 14 in 2026
	return m.IRVersion >= 1 && m.IRVersion <= someday
}

func unrecognised(head []byte) *Refusal {
	if isText(head) {
		return &Refusal{UnsupportedFormat, Text, "this is text, not ONNX"}
	}
	return &Refusal{UnsupportedFormat, Unknown, "this is not ONNX, nor any other format that is known here"}
}
