package formats

import (
	"strconv"
	"strings"
)

// openvinoTypes are OpenVINO's types as layers have them and, in capitals, as ports do (src/core/src/type/element_type.cpp).
var openvinoTypes = map[string]element{
	"boolean": {"BOOL", 8, true}, "BOOL": {"BOOL", 8, true}, "BOOLEAN": {"BOOL", 8, true},
	"f16": {"FP16", 16, true}, "FP16": {"FP16", 16, true}, "f32": {"FP32", 32, true}, "FP32": {"FP32", 32, true},
	"f64": {"FP64", 64, true}, "FP64": {"FP64", 64, true}, "bf16": {"BF16", 16, false}, "BF16": {"BF16", 16, false},
	"i8": {"INT8", 8, true}, "I8": {"INT8", 8, true}, "i16": {"INT16", 16, true}, "I16": {"INT16", 16, true},
	"i32": {"INT32", 32, true}, "I32": {"INT32", 32, true}, "i64": {"INT64", 64, true}, "I64": {"INT64", 64, true},
	"u8": {"UINT8", 8, true}, "U8": {"UINT8", 8, true}, "u16": {"UINT16", 16, true}, "U16": {"UINT16", 16, true},
	"u32": {"UINT32", 32, true}, "U32": {"UINT32", 32, true}, "u64": {"UINT64", 64, true}, "U64": {"UINT64", 64, true},
	"string": {"BYTES", 0, true}, "STRING": {"BYTES", 0, true},
	"u1": {"UINT1", 1, false}, "u2": {"UINT2", 2, false}, "u3": {"UINT3", 0, false}, "u4": {"UINT4", 4, false}, "i4": {"INT4", 4, false},
	"u6": {"UINT6", 0, false}, "nf4": {"NF4", 4, false}, "f4e2m1": {"FLOAT4E2M1", 4, false}, "f8e4m3": {"FLOAT8E4M3FN", 8, false},
	"f8e5m2": {"FLOAT8E5M2", 8, false}, "f8e8m0": {"FLOAT8E8M0", 8, false},
}

// openvinoLayer is the layer that is being read.
type openvinoLayer struct {
	id, kind string
	output   string // the name of a result
	at       int64
	top      bool // of the model itself
	data     *xmlElement
	port     TensorInfo // the first input
	ports    int        // inputs
	element  string     // the type of that
}

// layerPart reads a child of a layer.
func (r *openvinoReading) layerPart(l *openvinoLayer, e xmlElement) error {
	switch e.name {
	case "data":
		if l.data != nil {
			return malformed(e.at, "has a layer with two elements data")
		}
		l.data = &e
		return r.children(func(xmlElement) error { return nil })
	case "input":
		return r.children(func(e xmlElement) error {
			l.ports++
			if l.ports > 1 || l.kind != "Result" {
				return nil
			}
			l.element, _ = e.attribute("precision")
			return r.portShape(&l.port)
		})
	case "output":
		return r.children(func(e xmlElement) error { return r.outputPort(l, e) })
	case "body", "then_body", "else_body":
		return r.children(func(e xmlElement) error {
			if e.name != "layers" {
				return nil
			}
			return r.children(func(e xmlElement) error { return r.layer(e, &openvinoLayer{}) })
		})
	}
	return nil
}

// outputPort notes the name of what a layer gives.
func (r *openvinoReading) outputPort(l *openvinoLayer, e xmlElement) error {
	names, _ := e.attribute("names")
	name := openvinoFirst(names)
	if name == "" || !l.top {
		return nil
	}
	id, _ := e.attribute("id")
	if err := checkName(name, e.at); err != nil {
		return err
	}
	if r.length += len(name) + len(id) + len(l.id); r.length > maxNames || len(r.names) == openvinoMost {
		return tooComplex("has more than %d outputs of layers, or more than %d bytes of names", openvinoMost, maxNames)
	}
	place := openvinoPort{l.id, id}
	if _, doubled := r.names[place]; doubled {
		return malformed(e.at, "has two outputs with the id %s in a layer", shorten(id))
	}
	r.names[place] = name
	if l.kind == "Parameter" {
		l.output = name
	}
	return nil
}

// portShape reads the extents of a port. None are those of one value, or of any rank.
func (r *openvinoReading) portShape(into *TensorInfo) error {
	return r.children(func(e xmlElement) error {
		if e.name != "dim" {
			return nil
		}
		text, err := r.text()
		if err != nil {
			return err
		}
		extent, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || extent < -1 {
			return malformed(e.at, "has the extent %s", shorten(text))
		}
		into.Shape, err = appendBounded(into.Shape, extent, e.at, maxRank)
		return err
	})
}

// addLayer notes what a layer with the name means for the model, once it has been read.
func (r *openvinoReading) addLayer(l *openvinoLayer, name string) error {
	switch l.kind {
	case "Const":
		return r.constant(l, name)
	case "Parameter":
		if !l.top {
			return nil
		}
		found, element, err := l.declared(name)
		if err != nil {
			return err
		}
		if l.output != "" {
			found.Name = l.output
		}
		return r.addInput(l, found, element)
	case "Result":
		if !l.top {
			return nil
		}
		return r.addResult(l)
	}
	return nil
}

func (r *openvinoReading) addInput(l *openvinoLayer, found TensorInfo, element element) error {
	for _, other := range r.model.Inputs {
		if other.Name == found.Name {
			return malformed(l.at, "has the input %s twice", shorten(found.Name))
		}
	}
	switch {
	case len(r.model.Inputs) == maxInputs:
		return tooComplex("has more than %d inputs", maxInputs)
	case found.Name == "":
		return malformed(l.at, "has an input without a name")
	case !element.protocol:
		return openvinoUnsupported("input", found)
	}
	r.model.Inputs = append(r.model.Inputs, found)
	return nil
}

func (r *openvinoReading) addResult(l *openvinoLayer) error {
	element, ok := openvinoTypes[l.element]
	switch {
	case len(r.results) == maxInputs:
		return tooComplex("has more than %d outputs", maxInputs)
	case l.ports != 1:
		return malformed(l.at, "has a result with %d inputs; it has one", l.ports)
	case !ok:
		element.name = l.element
	}
	l.port.Name, l.port.Datatype = l.output, element.name
	if err := checkName(l.output, l.at); err != nil {
		return err
	}
	if !element.protocol {
		return openvinoUnsupported("output", l.port)
	}
	r.sources[l.id] = openvinoPort{}
	r.results = append(r.results, openvinoResult{id: l.id, found: l.port, at: l.at})
	return nil
}

func openvinoUnsupported(what string, t TensorInfo) *Refusal {
	return &Refusal{UnsupportedType, OpenVINO, "the " + what + " " + shorten(t.Name) + " is of " + t.Datatype +
		", which the Open Inference Protocol cannot carry"}
}

// declared returns what a layer's data says of a tensor: its type and its shape.
func (l *openvinoLayer) declared(name string) (TensorInfo, element, error) {
	found := TensorInfo{Name: name}
	if l.data == nil {
		return found, element{}, malformed(l.at, "has the layer %s without data", shorten(name))
	}
	kind, _ := l.data.attribute("element_type")
	if err := checkName(kind, l.at); err != nil {
		return found, element{}, err
	}
	known, ok := openvinoTypes[kind]
	if !ok {
		known.name = kind
	}
	found.Datatype = known.name
	said, _ := l.data.attribute("shape")
	shape, err := openvinoShape(said, l.at)
	found.Shape = shape
	return found, known, err
}

// openvinoShape reads a shape like "?,4", "1..8,3" (an extent within bounds), "" (one value) or "..." (any rank, which nil stands for).
func openvinoShape(said string, at int64) ([]int64, error) {
	said = strings.TrimSpace(said)
	shape := []int64{}
	if said == "..." {
		return nil, nil
	}
	if said == "" {
		return shape, nil
	}
	for part := range strings.SplitSeq(said, ",") {
		part = strings.TrimSpace(part)
		extent := int64(-1)
		if part != "?" && part != "-1" && !strings.Contains(part, "..") {
			n, err := strconv.ParseUint(part, 10, 63)
			if err != nil {
				return nil, malformed(at, "has the shape %s", shorten(said))
			}
			extent = signed(n)
		}
		var err error
		if shape, err = appendBounded(shape, extent, at, maxRank); err != nil {
			return nil, err
		}
	}
	return shape, nil
}

// constant notes the place of a constant among the weights. Those of the model itself are listed.
func (r *openvinoReading) constant(l *openvinoLayer, name string) error {
	found, element, err := l.declared(name)
	if err != nil {
		return err
	}
	begin, sized := l.data.attribute("offset")
	length, _ := l.data.attribute("size")
	offset, err1 := strconv.ParseUint(begin, 10, 64)
	size, err2 := strconv.ParseUint(length, 10, 64)
	end, fits := extentsEnd(offset, size)
	if !sized || err1 != nil || err2 != nil || !fits {
		return malformed(l.at, "has the constant %s at %s with %s bytes", shorten(name), shorten(begin), shorten(length))
	}
	want, err := bytesOf(l.at, found, element)
	if err != nil {
		return err
	}
	if element.bits > 0 && signed(size) != want {
		return malformed(l.at, "has %d bytes for the constant %s, and its shape %v takes %d", size, shorten(name), found.Shape, want)
	}
	r.weights.Size = max(r.weights.Size, end)
	r.weights.Tensors++
	if l.top {
		r.model.Parameters += elementsOf(found.Shape)
		if len(r.model.Tensors) < maxTensors {
			r.model.Tensors = append(r.model.Tensors, found)
		}
	}
	return nil
}
