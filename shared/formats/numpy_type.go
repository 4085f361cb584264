package formats

import (
	"strconv"
	"strings"
)

// numPyType is numpy's dtype, as far as it says how many bytes an element has.
type numPyType struct {
	kind    byte
	size    int64 // bytes of an element
	objects bool  // elements hold objects
	unknown bool
}

const notNumPyType = "has a dtype that is not as numpy writes it"

// isNumPyType reports whether the class is numpy's of dtypes.
func (g *pickleGlobal) isNumPyType() bool { return g.module == "numpy" && g.name == "dtype" }

// isNumPyCall reports whether arguments are those with which numpy makes a dtype anew: what, whether it is aligned, and that it is a copy, since
// another could change one that is in use (numpy's arraydescr_reduce).
func isNumPyCall(arguments pickleTuple) bool {
	if len(arguments) != 3 {
		return false
	}
	copied := arguments[2]
	return copied == pickleValue(true) || copied == pickleValue(int64(1))
}

// newNumPyType returns the dtype of a call of numpy.dtype, of which the first argument is a letter and the number of bytes, or characters.
func newNumPyType(arguments pickleTuple) pickleValue {
	unknown := &numPyType{unknown: true}
	if len(arguments) == 0 {
		return unknown
	}
	code, _ := arguments[0].(string)
	if len(code) < 2 || strings.IndexByte("biufcmMOSUV", code[0]) < 0 {
		return unknown
	}
	size, err := strconv.ParseUint(code[1:], 10, 31)
	if err != nil {
		return unknown
	}
	kind := &numPyType{kind: code[0], size: signed(size), objects: code[0] == 'O'}
	if kind.kind == 'U' {
		kind.size *= 4 // UCS-4
	}
	kind.unknown = kind.size == 0 || strings.IndexByte("biufcmMO", code[0]) >= 0 && kind.size > 32
	return kind
}

// set gives a dtype its state: version, byte order, subarray, names, fields, size, alignment, flags and perhaps metadata (numpy's
// arraydescr_setstate). It reports whether that is as numpy writes it. The flags say whether elements hold objects: where they are wrong, numpy
// takes bytes of the file for addresses of objects.
func (t *numPyType) set(state pickleValue) bool {
	parts, ok := state.(pickleTuple)
	known := ok && !t.unknown && (len(parts) == 8 || len(parts) == 9) && t.setParts(parts)
	t.unknown = !known
	return known
}

func (t *numPyType) setParts(parts pickleTuple) bool {
	const hasObjects = 1 // NPY_ITEM_HASOBJECT
	version, _ := parts[0].(int64)
	size, sized := parts[5].(int64)
	flags, flagged := parts[7].(int64)
	none := pickleValue(pickleNone{})
	objects := flags&hasObjects != 0
	if version < 3 || version > 4 || parts[2] != none || !flagged || !sized {
		return false
	}
	if strings.IndexByte("SUV", t.kind) < 0 { // the size of the others is fixed
		return parts[3] == none && parts[4] == none && objects == (t.kind == 'O')
	}
	held, known := numPyFields(parts[4])
	t.objects, t.size = objects, size
	return known && held == objects && size > 0 && (!objects || t.kind == 'V')
}

// numPyFields reports whether one of a dtype's fields holds objects, and whether that is known. Each field is a tuple of a dtype, a place, and
// perhaps a title.
func numPyFields(fields pickleValue) (objects, known bool) {
	if fields == pickleValue(pickleNone{}) {
		return false, true
	}
	dict, ok := fields.(*pickleDict)
	if !ok || dict.lost {
		return false, false
	}
	for _, item := range dict.items {
		field, ok := item.(pickleTuple)
		if !ok || len(field) < 2 {
			return false, false
		}
		kind, ok := field[0].(*numPyType)
		if !ok || kind.unknown {
			return false, false
		}
		objects = objects || kind.objects
	}
	return objects, true
}
