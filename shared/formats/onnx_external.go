package formats

import (
	"math"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// external is where a tensor's data lies outside of the file.
type external struct {
	used    bool              // data_location says so
	entries map[string]string // of external_data
}

// The keys of external_data (ONNX, External Data). ONNX Runtime loads no model with another one, but for those that begin with "prepacked",
// which only the machine that wrote them can use.
const (
	location = "location"
	offset   = "offset"
	length   = "length"
	checksum = "checksum" // nobody reads it: the version's files have digests
)

// entry reads a StringStringEntryProto of external_data and adds it to into. It fails with *Refusal for an unknown key, a key that was given
// before, or an empty value: readers differ in which of two values they take.
func (r *reading) entry(m message, into *external) error {
	var key, value string
	err := r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 1:
			key, err = r.textOf(v)
		case 2:
			value, err = r.textOf(v)
		}
		return err
	})
	_, doubled := into.entries[key]
	switch {
	case err != nil:
		return err
	case key != location && key != offset && key != length && key != checksum:
		return malformed(m.pos, "has a tensor whose external_data has the key %s; location, offset, length and checksum are known", shorten(key))
	case doubled:
		return malformed(m.pos, "has a tensor whose external_data has the key %s twice", shorten(key))
	case value == "":
		return malformed(m.pos, "has a tensor whose external_data has no value for the key %s", shorten(key))
	}
	if into.entries == nil {
		into.entries = make(map[string]string, 4)
	}
	into.entries[key] = value
	return nil
}

// refer records the file that holds a tensor's data, and up to which byte. It fails with *Refusal unless that is a file of the version. A location
// that is not used, because the data is in the model file, must be as safe.
func (r *reading) refer(m message, t TensorInfo, element element, at external) error {
	if !at.used && len(at.entries) == 0 {
		return nil
	}
	if at.entries[location] == "" {
		return malformed(m.pos, "has external data for the tensor %s, and does not say in which file (the key location)", shorten(t.Name))
	}
	path, err := ref.ParsePath(strings.TrimPrefix(at.entries[location], "./"))
	// ONNX Runtime takes some locations with stars for addresses in memory (tensorprotoutils.h, kTensorProtoMemoryAddressTag).
	if err != nil || strings.Contains(at.entries[location], "*") {
		return &Refusal{UnsafeReference, ONNX, "the data of the tensor " + shorten(t.Name) + " is in " + shorten(at.entries[location]) +
			", which is not a file beside the model; give its location by a relative path without \"..\""}
	}
	end, err := r.endOf(m, t, element, at)
	if err != nil || !at.used {
		return err
	}
	known, seen := r.external[path]
	if !seen && len(r.external) == maxExternal {
		return tooComplex("has its data in more than %d files", maxExternal)
	}
	r.external[path] = ExternalFile{Path: path, Size: max(known.Size, end), Tensors: known.Tensors + 1}
	return nil
}

// endOf returns the byte at which a tensor's external data ends, from its offset and its shape. It fails with *Refusal if the entries are malformed
// or a given length does not fit the shape.
func (r *reading) endOf(m message, t TensorInfo, element element, at external) (int64, error) {
	if element.bits == 0 {
		return 0, malformed(m.pos, "has external data for the tensor %s of %s, which cannot be external", shorten(t.Name), element.name)
	}
	begin, err := extent(m, t, offset, at.entries[offset])
	if err != nil {
		return 0, err
	}
	want, err := bytesOf(m.pos, t, element)
	if err != nil {
		return 0, err
	}
	if said := at.entries[length]; said != "" {
		given, err := extent(m, t, length, said)
		if err != nil {
			return 0, err
		}
		if given != want {
			return 0, malformed(m.pos, "has %d bytes of external data for the tensor %s, and its shape %v takes %d", given, shorten(t.Name), t.Shape, want)
		}
	}
	if begin > math.MaxInt64-want {
		return 0, malformed(m.pos, "has the external data of the tensor %s from byte %d on, beyond the end of any file", shorten(t.Name), begin)
	}
	return begin + want, nil
}

// extent parses a number of bytes, in decimal digits; "" is 0. It fails with *Refusal for anything else, and names the key.
func extent(m message, t TensorInfo, key, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || text[0] == '+' {
		return 0, malformed(m.pos, "has the %s %s for the external data of the tensor %s; it is a number of bytes", key, shorten(text), shorten(t.Name))
	}
	return n, nil
}
