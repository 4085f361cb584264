package formats_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/formatstest"
)

func TestTheHeaderOfASampleModelIsRead(t *testing.T) {
	t.Parallel()

	m, err := recognise(fixture(t, "digits.onnx"))
	if err != nil {
		t.Fatal(err)
	}

	want := formats.Model{
		Format: formats.ONNX, IRVersion: 8, Producer: "skl2onnx", ProducerVersion: "1.20.0",
		Opsets: []formats.Opset{{Domain: "ai.onnx.ml", Version: 1}, {Domain: "", Version: 18}},
		Inputs: []formats.TensorInfo{{Name: "input", Datatype: "FP32", Shape: []int64{-1, 64}}},
		Outputs: []formats.TensorInfo{
			{Name: "label", Datatype: "INT64", Shape: []int64{-1}}, {Name: "probabilities", Datatype: "FP32", Shape: []int64{-1, 10}},
		},
		Tensors: []formats.TensorInfo{}, External: []formats.ExternalFile{}, Findings: []formats.Finding{},
		Operators: []formats.Operator{
			{Domain: "ai.onnx.ml", Type: "LinearClassifier", Count: 1},
			{Domain: "ai.onnx.ml", Type: "Normalizer", Count: 1},
			{Domain: "ai.onnx.ml", Type: "Scaler", Count: 1},
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("read\n%+v, want\n%+v", m, want)
	}
}

func TestAllTypesOfTheProtocolHaveItsNames(t *testing.T) {
	t.Parallel()

	m, err := recognise(fixture(t, "identity.onnx"))
	if err != nil {
		t.Fatal(err)
	}

	names := []string{"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"}
	for i, name := range names {
		if m.Inputs[i].Datatype != name || m.Outputs[i].Datatype != name {
			t.Errorf("%s is %s, %s is %s, want %s", m.Inputs[i].Name, m.Inputs[i].Datatype, m.Outputs[i].Name, m.Outputs[i].Datatype, name)
		}
	}
}

func TestAnInputWithAnInitializerIsNotTheCallers(t *testing.T) {
	t.Parallel()

	m, err := recognise(fixture(t, "everything.onnx"))
	if err != nil {
		t.Fatal(err)
	}

	want := []formats.TensorInfo{{Name: "x", Datatype: "FP32", Shape: []int64{-1, 4}}, {Name: "flag", Datatype: "BOOL", Shape: []int64{}}}
	if !reflect.DeepEqual(m.Inputs, want) {
		t.Errorf("inputs are %v, want %v", m.Inputs, want)
	}
	if !reflect.DeepEqual(m.Outputs, []formats.TensorInfo{{Name: "y", Datatype: "FP32"}}) {
		t.Errorf("outputs are %v, want y of any rank", m.Outputs)
	}
	if len(m.Tensors) != 2 {
		t.Errorf("tensors are %v, want w and b", m.Tensors)
	}
}

func TestOperatorsOfSubgraphsAndFunctionsAreCounted(t *testing.T) {
	t.Parallel()

	m, err := recognise(fixture(t, "everything.onnx"))
	if err != nil {
		t.Fatal(err)
	}

	counts := map[string]int{}
	for _, operator := range m.Operators {
		counts[operator.Domain+":"+operator.Type] = operator.Count
	}
	want := map[string]int{":Add": 2, ":Identity": 1, ":If": 1, ":MatMul": 1, ":Neg": 1, "com.example:Mystery": 1, "local:Twice": 1}
	if !reflect.DeepEqual(counts, want) {
		t.Errorf("operators are %v, want %v", counts, want)
	}
}

func TestADomainThatNobodyKnowsIsAFinding(t *testing.T) {
	t.Parallel()

	m, err := recognise(fixture(t, "everything.onnx"))

	if err != nil || len(m.Findings) != 1 || m.Findings[0].Code != "custom_domain" {
		t.Errorf("findings are %v, %v, want one of com.example", m.Findings, err)
	}
}

func TestFilesThatHoldWeightsAreListedWithTheSizeThatTheyNeed(t *testing.T) {
	t.Parallel()

	m, err := recognise(fixture(t, "external.onnx"))

	if err != nil || !reflect.DeepEqual(m.External, []formats.ExternalFile{{Path: "weights/all.bin", Size: 60, Tensors: 2}}) {
		t.Errorf("external files are %v, %v", m.External, err)
	}
}

func TestEmptyListsAreListsInJSON(t *testing.T) {
	t.Parallel()
	m, err := recognise(model(proto{}.Message(12, formatstest.Value("y", 1))))
	if err != nil {
		t.Fatal(err)
	}

	got, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}

	want := `{"producer":"test","tensors":[],"ir_version":9,"opsets":[{"domain":"","version":18}],"external":[],"findings":[]}`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestWhatCallersCannotSendOrReadIsRefused(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"sequence.onnx": `the output "q" is a sequence; callers can send and read tensors only (with skl2onnx: zipmap=False)`,
		"bfloat16.onnx": `the input "x" is of BF16, which the Open Inference Protocol cannot carry`,
	} {
		if got := assertRefused(t, fixture(t, file), formats.UnsupportedType); got != want {
			t.Errorf("%s: %s", file, got)
		}
	}
	assertRefused(t, model(graph().Message(11, formatstest.Value("z", 99))), formats.UnsupportedType)
	assertRefused(t, model(graph().Message(11, proto{}.Text(1, "z"))), formats.UnsupportedType)
}

func TestDataOutsideOfTheVersionIsRefused(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"/etc/passwd", "../other", "a/../../b", `..\b`, "*/_ORT_MEM_ADDR_/*", "a\u202eb", "C:\\w", ".", "model.onnx", "./model.onnx", "a//b"} {
		refers := formatstest.External("w", []int64{1}, "location", location)
		for name, m := range map[string]proto{
			"initializer": model(graph().Message(5, refers)),
			"attribute":   model(graph().Message(1, node("Constant").Message(5, proto{}.Text(1, "value").Message(5, refers)))),
			"sparse":      model(graph().Message(15, proto{}.Message(1, refers))),
		} {
			t.Run(fmt.Sprintf("%s %q", name, location), func(t *testing.T) {
				t.Parallel()
				assertRefused(t, m, formats.UnsafeReference)
			})
		}
	}
}
