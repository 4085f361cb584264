package formats

import "fmt"

// tfliteTensor is what is said of a tensor.
type tfliteTensor struct {
	flatTable
	info     TensorInfo
	element  element
	buffer   uint64
	external uint64 // the number of an external buffer, 0 for none
	sparse   bool
}

// readSubgraphs reads all subgraphs. The first one is the model; others are what control flow calls.
func (r *tfliteReading) readSubgraphs() error {
	subgraphs, err := r.root.vector(2, 4)
	if err != nil {
		return err
	}
	if subgraphs.count == 0 {
		return malformed(r.root.at, "has no subgraph")
	}
	if subgraphs.count > tfliteMaxSubgraphs {
		return tooComplex("has %d subgraphs; at most %d are allowed", subgraphs.count, tfliteMaxSubgraphs)
	}
	return r.root.each(2, func(i int64, t flatTable) error {
		if _, err := t.text(4); err != nil { // name
			return err
		}
		tensors, err := r.tensorsOf(t)
		if err != nil {
			return err
		}
		r.tensors = append(r.tensors, len(tensors))
		if err := r.signatures(t, tensors, i); err != nil {
			return err
		}
		return t.each(3, func(_ int64, operator flatTable) error { return r.operator(operator, int64(len(tensors))) })
	})
}

// tensorsOf reads the tensors of a subgraph, and returns where they are.
func (r *tfliteReading) tensorsOf(t flatTable) ([]int64, error) {
	tensors := []int64{}
	err := t.offsets(0, func(i, at int64) error {
		if len(tensors) == tfliteMaxTensors {
			return tooComplex("has a subgraph with more than %d tensors", tfliteMaxTensors)
		}
		tensors = append(tensors, at)
		found, err := r.tensor(at)
		if err != nil {
			return err
		}
		return r.constant(i, found)
	})
	return tensors, err
}

// tensor reads a tensor. Its name is read when it is needed: most are not.
func (r *tfliteReading) tensor(at int64) (tfliteTensor, error) {
	t, err := r.table(at)
	if err != nil {
		return tfliteTensor{}, err
	}
	found := tfliteTensor{flatTable: t}
	if found.info.Shape, err = t.ints(0, maxRank); err != nil {
		return tfliteTensor{}, err
	}
	kind, err := t.uint(1, 1, 0)
	if err != nil {
		return tfliteTensor{}, err
	}
	if kind >= uint64(len(tfliteTypes)) {
		return tfliteTensor{}, malformed(at, "has a tensor of the type %d, which is not known", kind)
	}
	found.element = tfliteTypes[kind]
	found.info.Datatype = found.element.name
	if found.buffer, err = t.uint(2, 4, 0); err != nil {
		return tfliteTensor{}, err
	}
	if found.external, err = t.uint(10, 4, 0); err != nil {
		return tfliteTensor{}, err
	}
	if _, err := t.text(3); err != nil {
		return tfliteTensor{}, err
	}
	if found.sparse, err = r.sparsity(t); err != nil {
		return tfliteTensor{}, err
	}
	if err := r.variants(t); err != nil {
		return tfliteTensor{}, err
	}
	return found, r.quantization(t)
}

// constant lists a tensor that has data, and compares it with its shape, as the interpreter does (subgraph.cc, SetTensorParametersReadOnly).
func (r *tfliteReading) constant(i int64, t tfliteTensor) error {
	switch {
	case t.buffer >= uint64(max(len(r.buffers), 1)):
		return malformed(t.at, "has tensor %d in buffer %d of %d", i, t.buffer, len(r.buffers))
	case t.external != 0 && r.external[t.external] == "":
		return malformed(t.at, "has tensor %d in the external buffer %d, which is not there", i, t.external)
	case len(r.buffers) == 0 || r.buffers[t.buffer] == 0 && t.external == 0:
		return nil
	}
	var err error
	if t.info.Name, err = r.shownName(i, t); err != nil {
		return err
	}
	want, err := bytesOf(t.at, t.info, t.element)
	if err != nil {
		return err
	}
	if have := r.buffers[t.buffer]; t.element.bits > 0 && !t.sparse && t.external == 0 && have != want {
		return malformed(t.at, "has %d bytes for the tensor %s, and its shape %v takes %d", have, shorten(t.info.Name), t.info.Shape, want)
	}
	if t.external != 0 || !r.counted[t.buffer] {
		r.model.Parameters += elementsOf(t.info.Shape)
		r.counted[t.buffer] = t.external == 0
	}
	if len(r.model.Tensors) < maxTensors {
		if r.names += len(t.info.Name) + 8*len(t.info.Shape); r.names > maxNames {
			return tooComplex("has more than %d bytes of names and shapes of tensors", maxNames)
		}
		r.model.Tensors = append(r.model.Tensors, t.info)
	}
	return nil
}

// shownName returns a tensor's name, or its number where the name cannot be shown: names of inner tensors are for people only, and may be long, as
// converters join those of all operators that they merged.
func (r *tfliteReading) shownName(i int64, t tfliteTensor) (string, error) {
	m, err := t.text(3)
	if err != nil {
		return "", err
	}
	b, err := r.peek(m.pos, int(min(m.end-m.pos, maxName+1)))
	if err != nil {
		return "", err
	}
	if name := string(b); name != "" && checkName(name, m.pos) == nil {
		return name, nil
	}
	return fmt.Sprintf("tensor %d", i), nil
}

// signatures checks the inputs and the outputs of a subgraph. Those of the first one, which is the model itself, are kept.
func (r *tfliteReading) signatures(t flatTable, tensors []int64, subgraph int64) error {
	for slot, what := range map[int]string{1: "input", 2: "output"} {
		numbers, err := t.ints(slot, maxInputs)
		if err != nil {
			return err
		}
		for _, n := range numbers {
			if n < 0 || n >= int64(len(tensors)) {
				return malformed(t.at, "has tensor %d of %d for an %s", n, len(tensors), what)
			}
		}
		if subgraph > 0 {
			continue
		}
		list, err := r.listed(numbers, tensors, what)
		switch {
		case err != nil:
			return err
		case slot == 1:
			r.model.Inputs = list
		case len(list) == 0:
			return malformed(t.at, "has no output")
		default:
			r.model.Outputs = list
		}
	}
	return nil
}

// listed reads the inputs or the outputs with the numbers, as what says.
func (r *tfliteReading) listed(numbers, tensors []int64, what string) ([]TensorInfo, error) {
	list := []TensorInfo{}
	for _, n := range numbers {
		found, err := r.signature(tensors[n], what)
		if err != nil {
			return nil, err
		}
		for _, other := range list {
			if other.Name == found.Name {
				return nil, malformed(tensors[n], "has the %s %s twice", what, shorten(found.Name))
			}
		}
		list = append(list, found)
	}
	return list, nil
}

// signature reads an input or an output of the model. The extents that callers choose are in a shape of their own.
func (r *tfliteReading) signature(at int64, what string) (TensorInfo, error) {
	t, err := r.tensor(at)
	if err != nil {
		return TensorInfo{}, err
	}
	found := t.info
	if found.Name, err = t.name(3); err != nil {
		return TensorInfo{}, err
	}
	shape, err := t.ints(7, maxRank) // shape_signature
	if err != nil {
		return TensorInfo{}, err
	}
	if len(shape) > 0 {
		found.Shape = shape
	}
	for _, extent := range found.Shape {
		if extent < -1 {
			return TensorInfo{}, malformed(at, "has the %s %s with the shape %v", what, shorten(found.Name), found.Shape)
		}
	}
	switch {
	case found.Name == "":
		return TensorInfo{}, malformed(at, "has an %s without a name, by which callers could give or read it", what)
	case !t.element.protocol:
		return TensorInfo{}, &Refusal{UnsupportedType, TFLite, fmt.Sprintf("the %s %s is of %s, which the Open Inference Protocol cannot carry",
			what, shorten(found.Name), found.Datatype)}
	}
	return found, nil
}

// operator reads a call of an operator.
func (r *tfliteReading) operator(t flatTable, tensors int64) error {
	code, err := t.uint(0, 4, 0)
	if err != nil {
		return err
	}
	if code >= uint64(len(r.codes)) {
		return malformed(t.at, "calls operator %d of %d", code, len(r.codes))
	}
	r.operators[r.codes[code]]++
	for _, slot := range []int{1, 2, 8} { // inputs, outputs, intermediates
		v, err := t.vector(slot, 4)
		if err != nil {
			return err
		}
		if v.count > maxInputs {
			return tooComplex("has an operator with %d inputs or outputs; at most %d are allowed", v.count, maxInputs)
		}
		err = r.chunks(v, func(_ int64, n uint32) error {
			if n := int64(int32(n)); n < -1 || n >= tensors { //nolint:gosec // meant to be signed; -1 is an input that is left out
				return malformed(t.at, "has an operator of tensor %d of %d", n, tensors)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if _, err := t.vector(5, 1); err != nil { // custom_options
		return err
	}
	if _, err := t.vector(7, 1); err != nil { // mutating_variable_inputs
		return err
	}
	if _, err := r.behind(t, 9); err != nil {
		return err
	}
	return r.options(t)
}
