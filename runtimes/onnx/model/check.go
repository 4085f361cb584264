package model

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/openinference"
)

// checkInputs fails with Invalid unless the tensors are the model's inputs, each once, with the right datatype and shape.
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

// checkInput fails with Invalid unless the tensor has the datatype that is wanted and a shape that fits.
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

// indexOf returns the index of the tensor of a name, -1 if there is none.
func indexOf(tensors []openinference.TensorMetadata, name string) int {
	for i := range tensors {
		if tensors[i].Name == name {
			return i
		}
	}
	return -1
}

// list describes tensors in one line, for messages: "a" FP32 [-1,64], "b" INT64 [1].
func list(tensors []openinference.TensorMetadata) string {
	all := make([]string, len(tensors))
	for i := range tensors {
		all[i] = strconv.Quote(tensors[i].Name) + " " + describe(&tensors[i])
	}
	return strings.Join(all, ", ")
}

// describe formats a tensor's datatype and shape: FP32 [-1,64].
func describe(t *openinference.TensorMetadata) string {
	return string(t.Datatype) + " " + openinference.FormatShape(t.Shape)
}

// invalid returns an Invalid error that names the tensor and its member, such as "shape", and says what is wrong with it.
func invalid(tensor, member, what string) error {
	message := fmt.Sprintf("tensor %q: %s %s", tensor, member, what)
	if member == "name" {
		message = fmt.Sprintf("tensor %q %s", tensor, what)
	}
	return fault.New(fault.Invalid, message, fault.Field(tensor+"."+member))
}
