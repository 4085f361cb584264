// Package demo is the small model that `maas demo` shows the journey with: two versions of a classifier of handwritten digits, requests for
// them, and ONNX Runtime's answers.
package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/17882237881/MaaS/api/fault"
)

//go:embed sample
var sample embed.FS

// Version is one version of the model.
type Version struct {
	File     string // of the model, as Unpack writes it
	Request  []byte // of the Open Inference Protocol v2, three rows
	expected []byte
}

// Unpack writes the model files of both versions into the folder and returns the versions: first a logistic regression, second a small neural
// network.
func Unpack(folder string) (first, second Version, err error) {
	if first, err = unpack(folder, "digits"); err != nil {
		return first, second, err
	}
	second, err = unpack(folder, "digits-v2")
	return first, second, err
}

// unpack writes the model file of the sample called name into the folder, and returns it with its request and expected answer.
func unpack(folder, name string) (v Version, err error) {
	model, err := fs.ReadFile(sample, "sample/"+name+".onnx")
	if err != nil {
		return v, fmt.Errorf("sample model: %w", err)
	}
	if v.Request, err = fs.ReadFile(sample, "sample/"+name+"-request.json"); err != nil {
		return v, fmt.Errorf("sample request: %w", err)
	}
	if v.expected, err = fs.ReadFile(sample, "sample/"+name+"-expected.json"); err != nil {
		return v, fmt.Errorf("sample answer: %w", err)
	}
	v.File = filepath.Join(folder, name+".onnx")
	if err := os.WriteFile(v.File, model, 0o600); err != nil {
		return v, fmt.Errorf("sample model: %w", err)
	}
	return v, nil
}

// Output is a tensor of an answer.
type Output struct {
	Name  string    `json:"name"`
	Shape []int64   `json:"shape"`
	Data  []float64 `json:"data"`
}

// tolerance is how far a number may be from ONNX Runtime's on another machine.
const tolerance = 1e-5

// Check returns the outputs of an answer. It fails with Internal if a number differs from the expected one by more than tolerance, and with
// Upstream if the answer is no JSON.
func (v Version) Check(answer []byte) ([]Output, error) {
	got, err := outputs(answer)
	if err != nil {
		return nil, err
	}
	want, err := outputs(v.expected)
	if err != nil {
		return nil, err
	}
	for _, output := range want {
		if !within(output, got) {
			return nil, fault.New(fault.Internal, "The model's answer is not the expected one: "+output.Name+" differs.")
		}
	}
	return got, nil
}

// outputs parses an answer and returns its outputs. It fails with Upstream if the answer is no JSON.
func outputs(answer []byte) ([]Output, error) {
	var body struct {
		Outputs []Output `json:"outputs"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return nil, fault.New(fault.Upstream, "The model's answer is no JSON of the Open Inference Protocol.", fault.Cause(err))
	}
	return body.Outputs, nil
}

// within reports whether outputs has one with want's name and, within the tolerance, want's numbers.
func within(want Output, outputs []Output) bool {
	for _, got := range outputs {
		if got.Name == want.Name && len(got.Data) == len(want.Data) {
			return near(got.Data, want.Data)
		}
	}
	return false
}

// near reports whether no number of a differs from b's by more than tolerance. b must be as long as a.
func near(a, b []float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > tolerance {
			return false
		}
	}
	return true
}
