package formats

import "math"

// tensor reads a TensorProto without its data, and records the file that holds external data. It fails with *Refusal if the data does not fit the
// shape, or is both in the file and outside.
func (r *reading) tensor(m message) (TensorInfo, error) {
	found := TensorInfo{Shape: []int64{}}
	var kind int64
	raw := int64(-1)
	var outside external
	err := r.each(m, once(2, 3, 8, 9, 14), func(v field) (err error) {
		switch v.number {
		case 1:
			found.Shape, err = r.ints(found.Shape, v, maxRank)
		case 2:
			kind, err = v.enum()
		case 8:
			found.Name, err = r.textOf(v)
		case 9:
			err = r.within(v, func(m message) error { raw = m.end - m.pos; return nil })
		case 13:
			err = r.within(v, func(m message) error { return r.entry(m, &outside) })
		case 14: // data_location
			var where int64
			where, err = v.enum()
			outside.used = where == 1
		}
		return err
	})
	if err != nil {
		return TensorInfo{}, err
	}
	element := elementOf(kind)
	found.Datatype = element.name
	if outside.used && raw == 0 {
		raw = -1 // some exporters leave it empty
	}
	if err := r.checkData(m, found, element, raw); err != nil {
		return TensorInfo{}, err
	}
	if outside.used && raw >= 0 {
		return TensorInfo{}, malformed(m.pos, "has the data of the tensor %s both in the file and outside of it", shorten(found.Name))
	}
	return found, r.refer(m, found, element, outside)
}

// checkData fails with *Refusal if the tensor's raw data does not have as many bytes as its shape takes. raw is their number, -1 if there is no raw
// data.
func (r *reading) checkData(m message, t TensorInfo, element element, raw int64) error {
	want, err := r.bytesOf(m, t, element)
	if err != nil {
		return err
	}
	if raw >= 0 && element.bits > 0 && raw != want {
		return malformed(m.pos, "has %d bytes for the tensor %s, and its shape %v takes %d", raw, shorten(t.Name), t.Shape, want)
	}
	return nil
}

// bytesOf returns how many bytes a tensor's raw data takes; 0 if its elements have no raw form. It fails with *Refusal if the shape is negative or
// too large.
func (r *reading) bytesOf(m message, t TensorInfo, element element) (int64, error) {
	elements := int64(1)
	for _, extent := range t.Shape {
		if extent < 0 || extent > 0 && elements > math.MaxInt64/256/extent {
			return 0, malformed(m.pos, "has the tensor %s with the shape %v", shorten(t.Name), t.Shape)
		}
		elements *= extent
	}
	return (elements*element.bits + 7) / 8, nil
}
