package formats

import (
	"math"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/shared/ref"
)

// tensor reads a TensorProto without its data.
func (r *reading) tensor(m message) (TensorInfo, error) {
	found := TensorInfo{Shape: []int64{}}
	var kind int64
	raw := int64(-1)
	var outside external
	err := r.each(m, func(v field) (err error) {
		switch v.number {
		case 1:
			found.Shape, err = r.ints(found.Shape, v, maxRank)
		case 2:
			kind, err = v.int()
		case 8:
			found.Name, err = r.textOf(v)
		case 9:
			err = r.within(v, func(m message) error { raw = m.end - m.pos; return nil })
		case 13:
			err = r.within(v, func(m message) error { return r.entry(m, &outside) })
		case 14: // data_location
			var where int64
			where, err = v.int()
			outside.used = where == 1
		}
		return err
	})
	if err != nil {
		return TensorInfo{}, err
	}
	element := elementOf(kind)
	found.Datatype = element.name
	if err := r.checkData(m, found, element, raw); err != nil {
		return TensorInfo{}, err
	}
	return found, r.refer(m, found, outside)
}

// checkData compares the length of raw data with the shape; raw is -1 where the data is kept otherwise.
func (r *reading) checkData(m message, t TensorInfo, element element, raw int64) error {
	elements := int64(1)
	for _, extent := range t.Shape {
		if extent < 0 || extent > 0 && elements > math.MaxInt64/64/extent {
			return malformed(m.pos, "has the tensor %s with the shape %v", shorten(t.Name), t.Shape)
		}
		elements *= extent
	}
	if want := (elements*element.bits + 7) / 8; raw >= 0 && element.bits > 0 && raw != want {
		return malformed(m.pos, "has %d bytes for the tensor %s, and its shape %v takes %d", raw, shorten(t.Name), t.Shape, want)
	}
	return nil
}

// external is where a tensor's data lies outside of the file.
type external struct {
	used           bool
	location       string
	offset, length string
}

// entry reads a StringStringEntryProto of external_data.
func (r *reading) entry(m message, into *external) error {
	var key, value string
	err := r.each(m, func(v field) (err error) {
		switch v.number {
		case 1:
			key, err = r.textOf(v)
		case 2:
			value, err = r.textOf(v)
		}
		return err
	})
	switch key {
	case "location":
		into.location = value
	case "offset":
		into.offset = value
	case "length":
		into.length = value
	}
	return err
}

// refer notes the file that holds a tensor's data. It may be any file of the version, and none outside.
func (r *reading) refer(m message, t TensorInfo, at external) error {
	if !at.used && at.location == "" {
		return nil
	}
	path, err := ref.ParsePath(strings.TrimPrefix(at.location, "./"))
	// ONNX Runtime takes some locations with stars for addresses in memory (tensorprotoutils.h, kTensorProtoMemoryAddressTag).
	if err != nil || strings.Contains(at.location, "*") {
		return &Refusal{UnsafeReference, ONNX, "the data of the tensor " + shorten(t.Name) + " is in " + shorten(at.location) +
			", which is not a file beside the model"}
	}
	offset, first := extent(at.offset)
	length, second := extent(at.length)
	if !first || !second || offset > math.MaxInt64-length {
		return malformed(m.pos, "has the data of the tensor %s at %s, %s bytes", shorten(t.Name), shorten(at.offset), shorten(at.length))
	}
	known, seen := r.external[path]
	if !seen && len(r.external) == maxKinds {
		return tooComplex("has its data in more than %d files", maxKinds)
	}
	r.external[path] = ExternalFile{Path: path, Size: max(known.Size, offset+length), Tensors: known.Tensors + 1}
	return nil
}

// extent reads a number of bytes; none is 0.
func extent(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}
