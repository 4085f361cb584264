package formats

// What programs read of a model beside its graph: nothing of it is kept, but each place that it leads to has to be in the file.

// readDescriptions checks the metadata and the signatures of a model, each of which names inputs and outputs of a subgraph.
func (r *tfliteReading) readDescriptions() error {
	if _, err := r.root.vector(5, 4); err != nil { // metadata_buffer
		return err
	}
	err := r.root.each(6, func(_ int64, t flatTable) error {
		if _, err := t.text(0); err != nil {
			return err
		}
		buffer, err := t.uint(1, 4, 0)
		if err == nil && buffer >= uint64(len(r.buffers)) {
			err = malformed(t.at, "has metadata in buffer %d of %d", buffer, len(r.buffers))
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.root.each(7, func(_ int64, t flatTable) error {
		if _, err := t.text(2); err != nil {
			return err
		}
		subgraph, err := t.uint(4, 4, 0)
		if err != nil {
			return err
		}
		if subgraph >= uint64(len(r.tensors)) {
			return malformed(t.at, "has a signature of subgraph %d of %d", subgraph, len(r.tensors))
		}
		for slot := range 2 { // inputs, outputs
			if err := t.each(slot, func(_ int64, t flatTable) error { return r.named(t, r.tensors[subgraph]) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// named checks a tensor of a signature.
func (r *tfliteReading) named(t flatTable, tensors int) error {
	if _, err := t.text(0); err != nil {
		return err
	}
	tensor, err := t.uint(1, 4, 0)
	if err == nil && tensor >= uint64(tensors) { //nolint:gosec // not negative
		err = malformed(t.at, "has a signature with tensor %d of %d", tensor, tensors)
	}
	return err
}

// sparsity checks how the elements of a sparse tensor are found, and reports whether it is one.
func (r *tfliteReading) sparsity(t flatTable) (bool, error) {
	s, ok, err := t.child(6)
	if err != nil || !ok {
		return false, err
	}
	for slot := range 2 { // traversal_order, block_map
		if _, err := s.vector(slot, 4); err != nil {
			return false, err
		}
	}
	return true, s.each(2, func(_ int64, dimension flatTable) error {
		for _, slot := range []int{2, 4} { // the types of array_segments and array_indices; these follow
			kind, err := dimension.uint(slot, 1, 0)
			if err != nil {
				return err
			}
			list, ok, err := dimension.child(slot + 1)
			if err != nil || !ok {
				return err
			}
			sizes := []int64{1, 4, 2, 1} // of elements of none, Int32Vector, Uint16Vector, Uint8Vector
			if kind >= uint64(len(sizes)) {
				return malformed(dimension.at, "has a sparse tensor with a list of the type %d, which is not known", kind)
			}
			if _, err := list.vector(0, sizes[kind]); err != nil {
				return err
			}
		}
		return nil
	})
}

// quantization checks what is said of a tensor's quantization.
func (r *tfliteReading) quantization(t flatTable) error {
	q, ok, err := t.child(4)
	if err != nil || !ok {
		return err
	}
	for slot, size := range []int64{4, 4, 4, 8} { // min, max, scale, zero_point
		if _, err := q.vector(slot, size); err != nil {
			return err
		}
	}
	kind, err := q.uint(4, 1, 0)
	if err != nil {
		return err
	}
	details, ok, err := q.child(5)
	switch {
	case err != nil || !ok:
	case kind == 1: // CustomQuantization
		_, err = details.vector(0, 1)
	case kind == 3: // MultiAxisQuantization
		_, err = details.vector(3, 4)
	}
	return err
}

// variants checks what is said of tensors in a tensor.
func (r *tfliteReading) variants(t flatTable) error {
	return t.each(9, func(_ int64, inner flatTable) error {
		_, err := inner.vector(0, 4)
		return err
	})
}

// tfliteVectors are the fields of options that are vectors: their slots, and the bytes of an element (schema.fbs, BuiltinOptions and BuiltinOptions2,
// by their numbers).
var tfliteVectors = [2]map[uint64]map[int]int64{
	{3: {1: 4, 2: 4}, 17: {0: 4}, 30: {0: 4}, 111: {0: 1, 1: 1}, 115: {0: 4}},
	{
		2: {0: 8}, 3: {0: 8, 1: 8, 2: 8}, 4: {0: 8, 1: 8, 2: 8, 3: 8, 4: 1, 7: 8, 10: 8, 13: 8, 16: 4}, 5: {0: 1, 2: 1, 4: 4, 5: 1}, 6: {0: 8},
		7: {1: 8, 2: 8, 3: 8}, 9: {0: 8}, 10: {0: 8, 1: 8, 2: 8}, 12: {0: 8, 1: 8, 2: 8, 3: 8, 4: 4}, 13: {0: 8, 1: 8, 2: 8, 3: 8, 4: 8},
		16: {0: 8, 1: 8, 2: 8, 4: 8}, 17: {0: 8}, 21: {0: 1, 2: 1}, 23: {0: 4},
	},
}

// options checks the options of an operator.
func (r *tfliteReading) options(t flatTable) error {
	for n, slot := range []int{3, 11} { // the types of options; these follow
		kind, err := t.uint(slot, 1, 0)
		if err != nil {
			return err
		}
		options, ok, err := t.child(slot + 1)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for slot, size := range tfliteVectors[n][kind] {
			if _, err := options.vector(slot, size); err != nil {
				return err
			}
		}
	}
	return nil
}
