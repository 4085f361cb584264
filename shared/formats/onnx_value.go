package formats

import "fmt"

// valueInfo reads a ValueInfoProto: the name, datatype and shape of an input or output, as what says.
func (r *reading) valueInfo(m message, what string) (TensorInfo, error) {
	var found TensorInfo
	var kind *field
	err := r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 1:
			found.Name, err = r.textOf(v)
		case 2:
			kind = &v
		}
		return err
	})
	switch {
	case err != nil:
		return TensorInfo{}, err
	case found.Name == "":
		return TensorInfo{}, malformed(m.pos, "has an %s without a name", what)
	case kind == nil:
		return TensorInfo{}, unsupportedType("the %s %s has no type", what, shorten(found.Name))
	}
	err = r.within(*kind, func(m message) error { return r.valueType(m, what, &found) })
	return found, err
}

// valueType reads a TypeProto and sets into's datatype and shape. It fails with *Refusal for anything but a tensor, since callers cannot send or
// read it. what is "input" or "output", for messages.
func (r *reading) valueType(m message, what string, into *TensorInfo) error {
	other := "nothing that is known"
	err := r.each(m, once(1, 4, 5, 7, 8, 9), func(v field) error {
		switch v.number {
		case 1:
			other = ""
			return r.within(v, func(m message) error { return r.tensorType(m, what, into) })
		case 4:
			other = "a sequence"
		case 5:
			other = "a map"
		case 7:
			other = "an opaque value"
		case 8:
			other = "a sparse tensor"
		case 9:
			other = "an optional value"
		}
		return nil
	})
	if err == nil && other != "" {
		return unsupportedType("the %s %s is %s; callers can send and read tensors only (with skl2onnx: zipmap=False)", what, shorten(into.Name), other)
	}
	return err
}

// tensorType reads a TypeProto.Tensor and sets into's datatype and shape. It fails with *Refusal for a datatype that the Open Inference Protocol
// does not have.
func (r *reading) tensorType(m message, what string, into *TensorInfo) error {
	var kind int64
	err := r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 1:
			kind, err = v.enum()
		case 2:
			err = r.within(v, func(m message) error { into.Shape, err = r.shape(m); return err })
		}
		return err
	})
	if err != nil {
		return err
	}
	element := elementOf(kind)
	if !element.protocol {
		return unsupportedType("the %s %s is of %s, which the Open Inference Protocol cannot carry", what, shorten(into.Name), element.name)
	}
	into.Datatype = element.name
	return nil
}

// shape reads a TensorShapeProto. An extent that is named, unknown or negative is -1. It fails with *Refusal for more than 64 dimensions.
func (r *reading) shape(m message) ([]int64, error) {
	shape := []int64{}
	err := r.each(m, 0, func(v field) error {
		if v.number != 1 {
			return nil
		}
		extent := int64(-1)
		err := r.within(v, func(m message) error {
			return r.each(m, once(1, 2), func(v field) (err error) {
				switch v.number { // a oneof: the last one counts
				case 1: // dim_value
					extent, err = v.int()
				case 2: // dim_param
					extent = -1
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		shape, err = appendBounded(shape, max(extent, -1), v.at, maxRank)
		return err
	})
	return shape, err
}

func unsupportedType(format string, values ...any) *Refusal {
	return &Refusal{UnsupportedType, ONNX, fmt.Sprintf(format, values...)}
}
