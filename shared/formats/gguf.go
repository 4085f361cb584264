package formats

import (
	"encoding/binary"
	"fmt"
	"math"
)

// gguf reads GGUF files: counts, metadata, what is said of each tensor, and the tensors' bytes, all little-endian
// (github.com/ggml-org/ggml, docs/gguf.md). It refuses what llama.cpp refuses (ggml/src/gguf.cpp), and what would harm it.
type gguf struct{}

// The bounds of a GGUF file. Where no source is named, they are far above what the largest models need.
const (
	ggufMaxPairs   = 1 << 16 // of metadata; llama.cpp compares each key with all before it
	ggufMaxTensors = 1 << 16 // in a file; llama.cpp compares each name with all before it
	ggufMaxTexts   = 1 << 22 // in all arrays
	ggufMaxName    = 63      // bytes of a tensor's name (ggml.h, GGML_MAX_NAME, with the NUL)
	ggufMaxRank    = 4       // ggml.h, GGML_MAX_DIMS
	ggufMaxAlign   = 1 << 16 // bytes
	ggufMaxArray   = 1 << 30 // elements (gguf.cpp, GGUF_MAX_ARRAY_ELEMENTS)
	ggufAlignment  = 32      // bytes, where the file does not say (gguf.md, general.alignment)
)

func (gguf) about() about {
	return about{format: GGUF, name: "a GGUF file", endings: []string{".gguf"}}
}

func (gguf) recognises(f *file) (bool, error) {
	head, err := f.peek(0, 4)
	return string(head) == "GGUF", err
}

// ggufReading gathers what is found on the way through a GGUF file.
type ggufReading struct {
	*file
	at        int64 // what comes next
	model     Model
	values    map[string]ggufValue // those that are needed
	texts     int                  // in arrays
	alignment int64
	later     bool // it is a file of several, and not the first one
}

func (gguf) read(f *file) (Model, error) {
	r := &ggufReading{file: f, at: 4, model: newModel(GGUF), values: map[string]ggufValue{}, alignment: ggufAlignment}
	if err := r.version(); err != nil {
		return Model{}, err
	}
	tensors, err := r.count("tensors", 8+4+4+8, ggufMaxTensors) // a tensor without a name and dimensions
	if err != nil {
		return Model{}, err
	}
	pairs, err := r.count("pairs of metadata", 8+1+4+1, ggufMaxPairs) // a key of one byte and a value of one
	if err != nil {
		return Model{}, err
	}
	if err := r.metadata(pairs); err != nil {
		return Model{}, err
	}
	if err := r.describe(); err != nil {
		return Model{}, err
	}
	return r.model, r.tensors(tensors)
}

// version reads the version, of which the upper half is empty but in a big-endian file (gguf.cpp, gguf_init_from_reader).
func (r *ggufReading) version() error {
	version, err := r.uint32("its version")
	refuse := func(why string) error { return &Refusal{Code: UnsupportedFormat, Detail: why} }
	switch {
	case err != nil:
		return err
	case version == 2, version == 3:
		return nil
	case version&0xffff == 0:
		return refuse("is big-endian, which is not supported; make it little-endian with gguf_convert_endian.py of llama.cpp")
	case version == 1:
		return refuse("has version 1 of the format; only 2 and 3 are supported: convert the model again with a current llama.cpp")
	default:
		return malformed(4, "has the version %d; only 2 and 3 are supported", version)
	}
}

// count reads a number of things that take at least size bytes each.
func (r *ggufReading) count(what string, size int64, most uint64) (int64, error) {
	at := r.at
	n, err := r.uint64("the number of its " + what)
	switch {
	case err != nil:
		return 0, err
	case n > uint64(r.size/size): //nolint:gosec // not negative
		return 0, malformed(at, "says that it has %d %s, which take more bytes than the file has", n, what)
	case n > most:
		return 0, tooComplex("has %d %s; at most %d are allowed", n, what, most)
	}
	return signed(n), nil
}

// tensors reads what is said of each tensor, and makes sure that their data fills the rest of the file.
func (r *ggufReading) tensors(count int64) error {
	names := newTextSet()
	var data, padded int64 // where the data of the last tensor ends, from where the data begins, and where with its padding
	for range count {
		at := r.at
		found, extent, err := r.tensor()
		switch {
		case err != nil:
			return err
		case !names.add(found.Name):
			return malformed(at, "has the tensor %s twice", shorten(found.Name))
		case extent.offset != padded: // gguf.cpp demands it, too
			return malformed(at, "has the data of the tensor %s at %d, and not at %d, where the data before it ends; nothing may lie between or overlap",
				shorten(found.Name), extent.offset, padded)
		case extent.size > r.size-padded:
			return truncated(r.size, fmt.Sprintf("the tensor %s takes %d bytes, as is said", shorten(found.Name), extent.size), at)
		}
		data = padded + extent.size
		padded = r.align(data)
		r.model.Parameters += elementsOf(found.Shape)
		r.model.Tensors = append(r.model.Tensors, found)
	}
	if count == 0 {
		return r.checkEnd(r.at)
	}
	return r.checkEnd(r.align(r.at) + data)
}

// ggufExtent is where a tensor's data lies, from where the data begins.
type ggufExtent struct{ offset, size int64 }

// checkEnd makes sure that the data, with its padding, ends where the file does. Padding of the last tensor may be missing.
func (r *ggufReading) checkEnd(end int64) error {
	switch {
	case end > r.size:
		return truncated(r.size, "the data of the last tensor ends", end)
	case r.align(end) < r.size:
		return malformed(r.align(end), "has %d bytes that belong to no tensor", r.size-r.align(end))
	}
	return nil
}

// align returns the next multiple of the alignment. Files, and so offsets in them, are too small to overflow.
func (r *ggufReading) align(at int64) int64 { return (at + r.alignment - 1) &^ (r.alignment - 1) }

// tensor reads what is said of a tensor. The shape is as the file has it: the extent that varies fastest comes first.
func (r *ggufReading) tensor() (TensorInfo, ggufExtent, error) {
	at := r.at
	name, err := r.text("a tensor's name", ggufMaxName)
	if err != nil {
		return TensorInfo{}, ggufExtent{}, err
	}
	if name == "" {
		return TensorInfo{}, ggufExtent{}, malformed(at, "has a tensor without a name")
	}
	found := TensorInfo{Name: name, Shape: []int64{}}
	rank, err := r.uint32("a tensor's dimensions")
	if err != nil {
		return TensorInfo{}, ggufExtent{}, err
	}
	if rank > ggufMaxRank {
		return TensorInfo{}, ggufExtent{}, malformed(at, "has the tensor %s with %d dimensions; at most %d are allowed", shorten(name), rank, ggufMaxRank)
	}
	for range rank {
		extent, err := r.uint64("a tensor's shape")
		if err != nil {
			return TensorInfo{}, ggufExtent{}, err
		}
		found.Shape = append(found.Shape, signed(extent))
	}
	return r.placed(at, found)
}

// placed reads the type of a tensor and where its data lies.
func (r *ggufReading) placed(at int64, found TensorInfo) (TensorInfo, ggufExtent, error) {
	number, err := r.uint32("a tensor's type")
	if err != nil {
		return TensorInfo{}, ggufExtent{}, err
	}
	known, ok := ggufTypes[number]
	if !ok {
		return TensorInfo{}, ggufExtent{}, malformed(at, "has the tensor %s of ggml's type %d, which is not known", shorten(found.Name), number)
	}
	found.Datatype = known.name
	if _, err := bytesOf(at, found, element{}); err != nil {
		return TensorInfo{}, ggufExtent{}, err
	}
	row := int64(1)
	if len(found.Shape) > 0 {
		row = found.Shape[0]
	}
	if row%known.block != 0 {
		return TensorInfo{}, ggufExtent{}, malformed(at, "has the tensor %s of %s with %d elements in a row; they come in blocks of %d",
			shorten(found.Name), known.name, row, known.block)
	}
	offset, err := r.uint64("the place of a tensor's data")
	if err == nil && offset > math.MaxInt64 {
		err = malformed(at, "has the data of the tensor %s at %d, beyond the end of any file", shorten(found.Name), offset)
	}
	return found, ggufExtent{signed(offset), elementsOf(found.Shape) / known.block * known.size}, err
}

// take returns the next n bytes, n at most windowSize. They are good until the next read.
func (r *ggufReading) take(n int64, what string) ([]byte, error) {
	if n > r.size-r.at {
		return nil, truncated(r.size, what+" ends", r.at+n)
	}
	b, err := r.peek(r.at, int(n))
	r.at += n
	return b, err
}

func (r *ggufReading) uint32(what string) (uint32, error) {
	b, err := r.take(4, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *ggufReading) uint64(what string) (uint64, error) {
	b, err := r.take(8, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// text reads a name of at most that many bytes.
func (r *ggufReading) text(what string, most int64) (string, error) {
	at := r.at
	length, err := r.length(what)
	if err != nil {
		return "", err
	}
	if length > most {
		return "", malformed(at, "has %s of %d bytes; at most %d are allowed", what, length, most)
	}
	r.at += length
	return r.string(message{r.at - length, r.at})
}

// length reads the length of a text that the file has.
func (r *ggufReading) length(what string) (int64, error) {
	at := r.at
	length, err := r.uint64(what)
	if err == nil && length > uint64(r.size-r.at) { //nolint:gosec // not negative
		return 0, truncated(r.size, fmt.Sprintf("%s of %d bytes begins", what, length), at)
	}
	return signed(length), err
}
