package model

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/openinference"
)

// checkInputs compares a request's tensors with the model's inputs, of which each must be there once.
func (m *Model) checkInputs(tensors []openinference.Tensor) error {
	given := make([]bool, len(m.session.Inputs))
	for i := range tensors {
		at := indexOf(m.session.Inputs, tensors[i].Name)
		if at < 0 {
			return invalid(tensors[i].Name, "name", "is no input of the model, which takes "+list(m.session.Inputs))
		}
		if given[at] {
			return invalid(tensors[i].Name, "name", "is given twice")
		}
		given[at] = true
		if err := checkInput(&m.session.Inputs[at], &tensors[i]); err != nil {
			return err
		}
	}
	for i, ok := range given {
		if !ok {
			return invalid(m.session.Inputs[i].Name, "data", "is missing: the model takes "+describe(&m.session.Inputs[i]))
		}
	}
	return nil
}

func checkInput(want *openinference.TensorMetadata, t *openinference.Tensor) error {
	if t.Datatype != want.Datatype {
		return invalid(t.Name, "datatype", fmt.Sprintf("is %s: the model takes %s", t.Datatype, describe(want)))
	}
	if !want.Fits(t.Shape) {
		return invalid(t.Name, "shape", fmt.Sprintf("is %s: the model takes %s", openinference.FormatShape(t.Shape), describe(want)))
	}
	return nil
}

// outputNames returns the names of the wanted outputs, or of all outputs if wanted is empty. It fails with Invalid for
// an output that the model does not have, that is wanted twice, or that asks for a classification.
func (m *Model) outputNames(wanted []openinference.RequestedOutput) ([]string, error) {
	names := make([]string, 0, len(m.session.Outputs))
	if len(wanted) == 0 {
		for _, o := range m.session.Outputs {
			names = append(names, o.Name)
		}
		return names, nil
	}
	asked := make([]bool, len(m.session.Outputs))
	for _, o := range wanted {
		at := indexOf(m.session.Outputs, o.Name)
		if at < 0 {
			return nil, invalid(o.Name, "name", "is no output of the model, which gives "+list(m.session.Outputs))
		}
		if asked[at] {
			return nil, invalid(o.Name, "name", "is asked for twice")
		}
		if count, ok := o.Parameters["classification"]; ok && count != int64(0) {
			return nil, invalid(o.Name, "parameters.classification", "is not supported")
		}
		asked[at] = true
		names = append(names, o.Name)
	}
	return names, nil
}

func indexOf(tensors []openinference.TensorMetadata, name string) int {
	for i := range tensors {
		if tensors[i].Name == name {
			return i
		}
	}
	return -1
}

func list(tensors []openinference.TensorMetadata) string {
	all := make([]string, len(tensors))
	for i := range tensors {
		all[i] = strconv.Quote(tensors[i].Name) + " " + describe(&tensors[i])
	}
	return strings.Join(all, ", ")
}

// describe writes a declaration as the protocol's metadata has it: FP32 [-1,64].
func describe(t *openinference.TensorMetadata) string {
	return string(t.Datatype) + " " + openinference.FormatShape(t.Shape)
}

func invalid(tensor, member, what string) error {
	message := fmt.Sprintf("tensor %q: %s %s", tensor, member, what)
	if member == "name" {
		message = fmt.Sprintf("tensor %q %s", tensor, what)
	}
	return fault.New(fault.Invalid, message, fault.Field(tensor+"."+member))
}
