package formats

// graph reads a GraphProto. depth is 0 for the model's own graph, and more for graphs within it. It fails with *Refusal if a graph is malformed or
// too deep.
func (r *reading) graph(m message, depth int) error {
	if depth > maxDepth {
		return tooComplex("has graphs in each other, %d deep", depth)
	}
	return r.each(m, once(2), func(v field) error {
		switch v.number {
		case 1:
			return r.within(v, func(m message) error { return r.node(m, depth) })
		case 5:
			return r.within(v, func(m message) error { return r.initializer(m, depth) })
		case 15:
			return r.within(v, func(m message) error { return r.sparse(m, depth) })
		case 11, 12:
			return r.signature(v, depth)
		case 2, 10, 13, 14, 16: // name, doc_string, value_info, quantization_annotation, metadata_props
			_, err := v.message()
			return err
		}
		return nil
	})
}

// signature reads an input or an output, and adds it to the model's. Those of graphs within the model's own are skipped. It fails with *Refusal for
// two of one name, or too many.
func (r *reading) signature(v field, depth int) error {
	m, err := v.message()
	if err != nil || depth > 0 {
		return err
	}
	list, what := &r.model.Inputs, "input"
	if v.number == 12 {
		list, what = &r.model.Outputs, "output"
	}
	if len(*list) == maxInputs {
		return tooComplex("has more than %d %ss", maxInputs, what)
	}
	found, err := r.valueInfo(m, what)
	if err != nil {
		return err
	}
	for _, other := range *list {
		if other.Name == found.Name {
			return malformed(m.pos, "has the %s %s twice", what, shorten(found.Name))
		}
	}
	*list = append(*list, found)
	return nil
}

// initializer reads a TensorProto of a graph, and records it if the graph is the model's own.
func (r *reading) initializer(m message, depth int) error {
	found, err := r.tensor(m)
	if err != nil || depth > 0 {
		return err
	}
	return r.list(found, m.pos)
}

// sparse reads a SparseTensorProto with the tensors of its values and indices, and records it if the graph is the model's own.
func (r *reading) sparse(m message, depth int) error {
	var found TensorInfo
	err := r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 1: // values, whose name is the tensor's
			return r.within(v, func(m message) error {
				values, err := r.tensor(m)
				found.Name, found.Datatype = values.Name, values.Datatype
				return err
			})
		case 2: // indices
			return r.within(v, func(m message) error { _, err := r.tensor(m); return err })
		case 3:
			found.Shape, err = r.ints(found.Shape, v, maxRank)
		}
		return err
	})
	if err != nil || depth > 0 {
		return err
	}
	return r.list(found, m.pos)
}

// list records a tensor of the model's own graph; of more than 65,536 only the names. It fails with *Refusal for a name that is recorded already,
// or too many bytes of names.
func (r *reading) list(t TensorInfo, at int64) error {
	r.names += len(t.Name)
	if r.names > maxNames {
		return tooComplex("has more than %d bytes of names of tensors", maxNames)
	}
	if r.given[t.Name] {
		return malformed(at, "has the initializer %s twice", shorten(t.Name))
	}
	r.given[t.Name] = true
	if len(r.model.Tensors) < maxTensors {
		r.model.Tensors = append(r.model.Tensors, t)
	}
	return nil
}

// node reads a NodeProto and counts its operator. It fails with *Refusal for a node without an operator, or too many different operators.
func (r *reading) node(m message, depth int) error {
	var kind Operator
	err := r.each(m, once(4, 7), func(v field) (err error) {
		switch v.number {
		case 4:
			kind.Type, err = r.textOf(v)
		case 7:
			kind.Domain, err = r.domain(v)
		case 5:
			err = r.within(v, func(m message) error { return r.attribute(m, depth) })
		}
		return err
	})
	if err != nil {
		return err
	}
	if kind.Type == "" {
		return malformed(m.pos, "has a node without an operator")
	}
	if r.operators[kind] == 0 && len(r.operators) == maxKinds {
		return tooComplex("has more than %d different operators", maxKinds)
	}
	r.operators[kind]++
	return nil
}

// attribute reads the tensors and graphs in an AttributeProto, and skips all else.
func (r *reading) attribute(m message, depth int) error {
	return r.each(m, once(1, 5, 6, 14, 20, 21, 22), func(v field) error {
		switch v.number {
		case 5, 10: // t, tensors
			return r.within(v, func(m message) error { _, err := r.tensor(m); return err })
		case 22, 23: // sparse_tensor, sparse_tensors
			return r.within(v, func(m message) error { return r.sparse(m, depth+1) })
		case 6, 11: // g, graphs
			return r.within(v, func(m message) error { return r.graph(m, depth+1) })
		}
		return nil
	})
}
