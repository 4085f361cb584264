package formats

import (
	"fmt"
	"slices"
	"strings"
)

// savedModelTypes are DataType's (types.proto). From 101 on they are references to a variable of the type less 100.
var savedModelTypes = map[int64]element{
	1: {"FP32", 32, true}, 2: {"FP64", 64, true}, 3: {"INT32", 32, true}, 4: {"UINT8", 8, true}, 5: {"INT16", 16, true}, 6: {"INT8", 8, true},
	7: {"BYTES", 0, true}, 8: {"COMPLEX64", 64, false}, 9: {"INT64", 64, true}, 10: {"BOOL", 8, true}, 14: {"BF16", 16, false},
	17: {"UINT16", 16, true}, 18: {"COMPLEX128", 128, false}, 19: {"FP16", 16, true}, 22: {"UINT32", 32, true}, 23: {"UINT64", 64, true},
}

// signature reads an entry of the map of signatures. Of two with one name protobuf keeps the last.
func (r *savedModelReading) signature(m message, g *savedModelGraph, seen map[string]bool) error {
	name, value, err := r.entry(m)
	switch {
	case err != nil:
		return err
	case seen[name]:
		return malformed(m.pos, "has the signature %s twice", shorten(name))
	case len(seen) == maxInputs:
		return tooComplex("has more than %d signatures", maxInputs)
	}
	seen[name] = true
	if name != servingSignature {
		return nil
	}
	g.signed = true
	return r.each(value, once(3), func(v field) error {
		switch v.number {
		case 1:
			return r.within(v, func(m message) error { return r.tensor(m, "input", &g.inputs) })
		case 2:
			return r.within(v, func(m message) error { return r.tensor(m, "output", &g.outputs) })
		}
		return nil
	})
}

// entry reads an entry of a map from text to messages; value is empty if it has none.
func (r *savedModelReading) entry(m message) (key string, value message, err error) {
	err = r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 1:
			key, err = r.textOf(v)
		case 2:
			value, err = v.message()
		}
		return err
	})
	return key, value, err
}

// tensor adds an input or an output of the signature to a list, which is sorted by name: a map has no order.
func (r *savedModelReading) tensor(m message, what string, into *[]TensorInfo) error {
	name, value, err := r.entry(m)
	if err != nil {
		return err
	}
	found := TensorInfo{Name: name}
	other := false
	element := element{name: "no type"}
	err = r.each(value, once(2, 3), func(v field) (err error) {
		switch v.number {
		case 2:
			var kind int64
			kind, err = v.enum()
			element = savedModelType(kind)
		case 3:
			err = r.within(v, func(m message) error { found.Shape, err = r.shape(m); return err })
		case 4, 5: // coo_sparse, composite_tensor
			other = true
		}
		return err
	})
	found.Datatype = element.name
	at, doubled := slices.BinarySearchFunc(*into, found, func(a, b TensorInfo) int { return strings.Compare(a.Name, b.Name) })
	switch {
	case err != nil:
		return err
	case name == "":
		return malformed(m.pos, "has an %s without a name", what)
	case doubled:
		return malformed(m.pos, "has the %s %s twice", what, shorten(name))
	case len(*into) == maxInputs:
		return tooComplex("has more than %d %ss", maxInputs, what)
	case other:
		return &Refusal{UnsupportedType, SavedModel, fmt.Sprintf("the %s %s is not one tensor; callers can send and read tensors only", what, shorten(name))}
	case !element.protocol:
		return &Refusal{UnsupportedType, SavedModel, fmt.Sprintf(
			"the %s %s is of %s, which the Open Inference Protocol cannot carry", what, shorten(name), element.name)}
	}
	*into = slices.Insert(*into, at, found)
	return nil
}

func savedModelType(kind int64) element {
	const reference = 100
	if kind > reference {
		kind -= reference
	}
	if known, ok := savedModelTypes[kind]; ok {
		return known
	}
	return element{name: fmt.Sprintf("TensorFlow type %d", kind)}
}

// shape reads a TensorShapeProto; nil stands for any rank.
func (r *savedModelReading) shape(m message) ([]int64, error) {
	shape := []int64{}
	unknown := false
	err := r.each(m, once(3), func(v field) (err error) {
		switch v.number {
		case 2:
			extent := int64(0)
			err = r.within(v, func(m message) error {
				return r.each(m, once(1), func(v field) (err error) {
					if v.number == 1 {
						extent, err = v.int()
					}
					return err
				})
			})
			if err == nil {
				shape, err = appendBounded(shape, max(extent, -1), v.at, maxRank)
			}
		case 3:
			var n int64
			n, err = v.int()
			unknown = n != 0
		}
		return err
	})
	if unknown {
		shape = nil
	}
	return shape, err
}
