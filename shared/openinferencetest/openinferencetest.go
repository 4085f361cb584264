// Package openinferencetest compares answers of the Open Inference Protocol.
package openinferencetest

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
)

// Tolerance is by how much an output's element may differ from what another machine computed.
const Tolerance = 1e-5

type answer struct{ Outputs []output }

type output struct {
	Name     string
	Datatype string
	Shape    []int64
	Data     []float64
}

// AssertClose fails the test unless the answer got, in JSON, has the outputs of want: the same names, types and shapes in the same order, and
// elements that differ by the Tolerance at most. Elements must be numbers.
func AssertClose(t testing.TB, got, want []byte) {
	t.Helper()
	is, should := parse(t, got), parse(t, want)
	if len(is.Outputs) != len(should.Outputs) {
		t.Fatalf("%d outputs, want %d: %s", len(is.Outputs), len(should.Outputs), got)
	}
	for i, o := range should.Outputs {
		o.assertClose(t, is.Outputs[i])
	}
}

// assertClose fails the test unless got is the same output, with elements that differ by the Tolerance at most.
func (want output) assertClose(t testing.TB, got output) {
	t.Helper()
	if got.Name != want.Name || got.Datatype != want.Datatype || !slices.Equal(got.Shape, want.Shape) || len(got.Data) != len(want.Data) {
		t.Fatalf("output %s %s %v of %d elements, want %s %s %v of %d",
			got.Name, got.Datatype, got.Shape, len(got.Data), want.Name, want.Datatype, want.Shape, len(want.Data))
	}
	for i, element := range want.Data {
		if math.Abs(element-got.Data[i]) > Tolerance {
			t.Errorf("element %d of output %s is %v, want %v", i, want.Name, got.Data[i], element)
		}
	}
}

// parse decodes an answer. It ends the test if that is malformed.
func parse(t testing.TB, text []byte) (a answer) {
	t.Helper()
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return a
}
