package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// The bounds of an ONNX model.
const (
	maxProtobuf = 2<<30 - 1 // no protobuf message is larger (protobuf.dev, proto limits); larger models have external data
	maxDepth    = 32        // graphs in attributes of nodes in graphs
	maxInputs   = 4096      // inputs, and outputs
	maxOpsets   = 256
	maxTensors  = 65_536   // listed; more are read, and not listed
	maxNames    = 16 << 20 // bytes of all their names
	maxKinds    = 4096     // different operators
	maxExternal = 1000     // external files; a version has no more files
	maxRank     = 64
)

// reading gathers what is found on the way through an ONNX file. Field numbers are those of onnx.proto (github.com/onnx/onnx).
type reading struct {
	*file
	model     Model
	graphs    int
	given     map[string]bool // the names of the graph's initializers
	names     int             // the bytes of these names
	operators map[Operator]int
	external  map[ref.Path]ExternalFile
	local     map[string]bool // domains of the model's own functions
}

// onnx reads ONNX files: protobuf, which has no signature.
type onnx struct{}

func (onnx) about() about {
	return about{
		format: ONNX, name: "an ONNX file", endings: []string{".onnx"}, maxSize: maxProtobuf, unsigned: true,
		advice: "which is protobuf's limit; save the weights as external data, in a file beside the model, and push both files",
	}
}

func (onnx) recognises(*file) (bool, error) { return true, nil }

// read walks a ModelProto.
func (onnx) read(f *file) (Model, error) {
	r := &reading{
		file: f, given: map[string]bool{}, operators: map[Operator]int{}, external: map[ref.Path]ExternalFile{}, local: map[string]bool{},
		model: newModel(ONNX),
	}
	err := r.each(message{0, f.size}, once(1, 2, 3, 4, 5, 7), r.modelField)
	if err == nil {
		return r.model, r.finish()
	}
	if _, refused := errors.AsType[*Refusal](err); refused && !plausible(r.model) {
		return Model{}, errOther
	}
	return Model{}, err
}

// plausible reports whether what was read before the walk failed can have come from an ONNX file: each begins with its IR version.
func plausible(m Model) bool {
	const someday = 100 // 14 in 2026
	return m.IRVersion >= 1 && m.IRVersion <= someday
}

// modelField reads a field of a ModelProto. Unknown fields are skipped. It fails with *Refusal if the field is malformed, and as file.peek does.
func (r *reading) modelField(v field) (err error) {
	switch v.number {
	case 1:
		r.model.IRVersion, err = v.int()
	case 2:
		r.model.Producer, err = r.textOf(v)
	case 3:
		r.model.ProducerVersion, err = r.textOf(v)
	case 5: // model_version
		_, err = v.int()
	case 4, 6, 14, 26: // domain, doc_string, metadata_props, configuration
		_, err = v.message()
	case 7:
		r.graphs++
		err = r.within(v, func(m message) error { return r.graph(m, 0) })
	case 8:
		err = r.within(v, r.opset)
	case 20:
		err = r.within(v, r.training)
	case 25:
		err = r.within(v, r.function)
	}
	return err
}

// opset reads an OperatorSetIdProto.
func (r *reading) opset(m message) error {
	var found Opset
	err := r.each(m, once(1, 2), func(v field) (err error) {
		switch v.number {
		case 1:
			found.Domain, err = r.domain(v)
		case 2:
			found.Version, err = v.int()
		}
		return err
	})
	if slices.Contains(r.model.Opsets, found) {
		return err // skl2onnx writes some twice
	}
	if len(r.model.Opsets) == maxOpsets {
		return tooComplex("has more than %d operator sets", maxOpsets)
	}
	r.model.Opsets = append(r.model.Opsets, found)
	return err
}

// training reads the graphs in a TrainingInfoProto. It fails as each and graph do.
func (r *reading) training(m message) error {
	return r.each(m, once(1, 2), func(v field) error {
		if v.number == 1 || v.number == 2 { // initialization, algorithm
			return r.within(v, func(m message) error { return r.graph(m, 1) })
		}
		return nil
	})
}

// function reads a FunctionProto, an operator that the model itself defines: its nodes, attributes and domain. It fails as each, node,
// attribute and localDomain do.
func (r *reading) function(m message) error {
	return r.each(m, once(1, 10), func(v field) error {
		switch v.number {
		case 7:
			return r.within(v, func(m message) error { return r.node(m, 1) })
		case 10:
			return r.localDomain(v)
		case 11: // attribute_proto
			return r.within(v, func(m message) error { return r.attribute(m, 1) })
		}
		return nil
	})
}

// localDomain records the domain of a function that the model itself defines. It fails with *Refusal for too many domains.
func (r *reading) localDomain(v field) error {
	domain, err := r.domain(v)
	if len(r.local) == maxKinds {
		return tooComplex("has functions of more than %d domains", maxKinds)
	}
	r.local[domain] = true
	return err
}

// domain reads the domain of operators. It returns "" for ONNX's own, which has two names. It fails as textOf does.
func (r *reading) domain(v field) (string, error) {
	domain, err := r.textOf(v)
	if domain == "ai.onnx" {
		return "", err
	}
	return domain, err
}

// finish completes the model after the last field: it sorts the lists, removes inputs that have an initializer, and adds findings. It fails with
// *Refusal if the model lacks its IR version, its graph, an operator set or an output.
func (r *reading) finish() error {
	m := &r.model
	switch {
	case m.IRVersion < 1:
		return malformed(r.size, "ends without its IR version")
	case r.graphs != 1:
		return malformed(r.size, "ends with %d graphs; it has one", r.graphs)
	case len(m.Opsets) == 0:
		return malformed(r.size, "ends without the operator sets that it needs")
	case len(m.Outputs) == 0:
		return malformed(r.size, "ends without an output")
	}
	m.Inputs = slices.DeleteFunc(m.Inputs, func(t TensorInfo) bool { return r.given[t.Name] })
	m.setOperators(r.operators)
	for _, external := range r.external {
		m.External = append(m.External, external)
	}
	m.sortExternal()
	r.remark()
	return nil
}

// remark adds a finding for each operator domain that is neither ONNX's own, nor ONNX Runtime's, nor defined in the
// file.
func (r *reading) remark() {
	seen := map[string]bool{"": true}
	for _, operator := range r.model.Operators {
		domain := operator.Domain
		if seen[domain] || r.local[domain] || strings.HasPrefix(domain, "ai.onnx.") || domain == "com.microsoft" {
			continue // ONNX's own, and those that ONNX Runtime brings (docs/ContribOperators.md)
		}
		seen[domain] = true
		r.model.Findings = append(r.model.Findings, Finding{
			Code: "custom_domain", Detail: fmt.Sprintf("operators of the domain %s are neither ONNX's nor in the file", shorten(domain)),
		})
	}
}
