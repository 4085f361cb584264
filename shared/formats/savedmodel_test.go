package formats_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

const savedModelPath = "1/saved_model.pb"

func TestEachCutOfASavedModelIsRefused(t *testing.T) {
	t.Parallel()
	whole := []byte(tfModel(tfServing()))
	for n := 1; n < len(whole); n++ {
		if m, err := recogniseAs(savedModelPath, whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for %s", n, len(whole), m.Format)
		}
	}
}

func TestASavedModelIsToldByItsNameAlone(t *testing.T) {
	t.Parallel()
	whole := []byte(tfModel(tfServing()))
	if m, err := recogniseAs("1/model.pb", whole); err != nil || m.Format != formats.Data {
		t.Errorf("under another name: %v, %v", m.Format, err)
	}
	assertRefusedAs(t, savedModelPath, fixture(t, "identity.onnx"), formats.UnsupportedFormat, "this is an ONNX file, not a TensorFlow SavedModel")
	assertRefusedAs(t, savedModelPath, []byte("hello\n"), formats.UnsupportedFormat, "this is text")
}

// tfEntry is an entry of a map.
func tfEntry(key string, value proto) proto { return proto{}.Text(1, key).Message(2, value) }

// tfTensor is a TensorInfo of one row of any number of columns.
func tfTensor(kind int64) proto {
	return proto{}.Text(1, "t:0").Int(2, kind).Message(3, proto{}.Message(2, proto{}.Int(1, 1)).Message(2, proto{}.Int(1, -1)))
}

func tfNode(operator string) proto { return proto{}.Text(1, "n").Text(2, operator) }

func tfSignature() proto {
	return proto{}.Message(1, tfEntry("b", tfTensor(1))).Message(1, tfEntry("a", tfTensor(7))).Message(2, tfEntry("y", tfTensor(9)))
}

// tfGraph is a MetaGraphDef with one node and one node in a function.
func tfGraph(tag string, node, inner proto) proto {
	library := proto{}.Message(1, proto{}.Message(1, proto{}.Text(1, "f")).Message(3, inner))
	return proto{}.Message(1, proto{}.Text(4, tag).Text(5, "2.14.0")).Message(2, proto{}.Message(1, node).Message(2, library))
}

func tfModel(graphs ...proto) proto {
	whole := proto{}.Int(1, 1)
	for _, g := range graphs {
		whole = whole.Message(2, g)
	}
	return whole
}

func tfServing() proto {
	return tfGraph("serve", tfNode("Add"), tfNode("Mul")).Message(5, tfEntry("serving_default", tfSignature()))
}

func TestTheSignatureForServingIsWhatASavedModelTakesAndGives(t *testing.T) {
	t.Parallel()
	training := tfGraph("train", tfNode("Sub"), tfNode("Sub"))
	other := tfServing().Message(5, tfEntry("other", proto{}.Message(1, tfEntry("z", tfTensor(20)))))

	m, err := recogniseAs(savedModelPath, tfModel(training, other))

	shape := []int64{1, -1}
	inputs := []formats.TensorInfo{{Name: "a", Datatype: "BYTES", Shape: shape}, {Name: "b", Datatype: "FP32", Shape: shape}}
	outputs := []formats.TensorInfo{{Name: "y", Datatype: "INT64", Shape: shape}}
	if err != nil || !reflect.DeepEqual(m.Inputs, inputs) || !reflect.DeepEqual(m.Outputs, outputs) || m.ProducerVersion != "2.14.0" {
		t.Errorf("read %+v, %v", m, err)
	}
}

func TestASavedModelWithoutASignatureForServingHasAFinding(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs(savedModelPath, tfModel(tfGraph("serve", tfNode("Add"), tfNode("Mul"))))
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Code != "no_signature" || m.Findings[0].Unsafe {
		t.Errorf("findings are %v, %v", m.Findings, err)
	}
}

func TestOperatorsThatReachBeyondASavedModelAreFindings(t *testing.T) {
	t.Parallel()
	printing := func(stream string) proto {
		return tfNode("PrintV2").Message(5, tfEntry("output_stream", proto{}.Text(2, stream)))
	}
	for name, c := range map[string]struct {
		node   proto
		unsafe bool
	}{
		"ReadFile": {tfNode("ReadFile"), true}, "WriteFile": {tfNode("WriteFile"), true}, "EagerPyFunc": {tfNode("EagerPyFunc"), true},
		"MatchingFiles": {tfNode("MatchingFiles"), true}, "TFRecordDatasetV2": {tfNode("TFRecordDatasetV2"), true},
		"TRTEngineOp": {tfNode("TRTEngineOp"), true}, "ImmutableConst": {tfNode("ImmutableConst"), true}, "DebugIdentityV3": {tfNode("DebugIdentityV3"), true},
		"printing to a file": {printing("file:///tmp/x"), true}, "printing": {printing("stderr"), false}, "MapDataset": {tfNode("MapDataset"), false},
		"RestoreV2": {tfNode("RestoreV2"), false}, "a long stream": {printing("stderr" + strings.Repeat("x", 5000)), true},
		"decoding": {tfNode("DecodeProtoV2").Message(5, tfEntry("descriptor_source", proto{}.Text(2, "/etc/passwd"))), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for where, graph := range map[string]proto{
				"graph": tfGraph("serve", c.node, tfNode("Add")), "function": tfGraph("serve", tfNode("Add"), c.node),
				"another graph": tfGraph("train", tfNode("Add"), c.node),
			} {
				served := tfServing()
				if where != "another graph" {
					served, graph = graph.Message(5, tfEntry("serving_default", tfSignature())), tfGraph("train", tfNode("Add"), tfNode("Add"))
				}
				m, err := recogniseAs(savedModelPath, tfModel(served, graph))
				if err != nil || (len(m.Findings) == 1) != c.unsafe || c.unsafe && (!m.Findings[0].Unsafe || m.Findings[0].Offset == 0) {
					t.Errorf("in the %s: findings are %v, %v", where, m.Findings, err)
				}
			}
		})
	}
}

func TestTheAssetsOfASavedModelAreFilesOfTheVersion(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs(savedModelPath, tfModel(tfServing().Message(6, proto{}.Text(2, "words.txt"))))
	if err != nil || !reflect.DeepEqual(m.External, []formats.ExternalFile{{Path: "assets/words.txt", Size: 1}}) {
		t.Errorf("external files are %v, %v", m.External, err)
	}
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", "", "a/../b"} {
		assertRefusedAs(t, savedModelPath, tfModel(tfServing().Message(6, proto{}.Text(2, name))), formats.UnsafeReference, "folder assets")
	}
}

func TestDamagedSavedModelsAreRefused(t *testing.T) {
	t.Parallel()
	signed := func(signature proto) proto {
		return tfModel(tfGraph("serve", tfNode("Add"), tfNode("Add")).Message(5, tfEntry("serving_default", signature)))
	}
	var many proto
	for range 65 {
		many = many.Message(2, proto{})
	}
	for name, c := range map[string]struct {
		file  proto
		code  formats.Code
		words string
	}{
		"no graph":                     {tfModel(), formats.Malformed, "without a graph"},
		"many graphs":                  {append(tfModel(), many...), formats.TooComplex, "64 graphs"},
		"two graphs for serving":       {tfModel(tfServing(), tfServing()), formats.Malformed, "two graphs"},
		"two versions":                 {tfModel(tfServing()).Int(1, 1), formats.Malformed, "twice"},
		"a graph twice":                {tfModel(tfServing().Message(2, proto{})), formats.Malformed, "twice"},
		"a signature twice":            {tfModel(tfServing().Message(5, tfEntry("serving_default", proto{}))), formats.Malformed, "twice"},
		"an input twice":               {signed(tfSignature().Message(1, tfEntry("a", tfTensor(1)))), formats.Malformed, `input "a" twice`},
		"an output without a name":     {signed(tfSignature().Message(2, tfEntry("", tfTensor(1)))), formats.Malformed, "without a name"},
		"an input of no type":          {signed(tfSignature().Message(1, tfEntry("c", proto{}))), formats.UnsupportedType, "no type"},
		"an input that is a resource":  {signed(tfSignature().Message(1, tfEntry("c", tfTensor(20)))), formats.UnsupportedType, "TensorFlow type 20"},
		"a sparse input":               {signed(tfSignature().Message(1, tfEntry("c", proto{}.Int(2, 1).Message(4, proto{})))), formats.UnsupportedType, "not one tensor"},
		"a node without an operator":   {tfModel(tfGraph("serve", proto{}.Text(1, "n"), tfNode("Add"))), formats.Malformed, "without an operator"},
		"an operator that is a number": {tfModel(tfGraph("serve", proto{}.Int(2, 1), tfNode("Add"))), formats.Malformed, "has a number"},
		"an operator with a NUL":       {tfModel(tfGraph("serve", tfNode("a\x00"), tfNode("Add"))), formats.Malformed, "control character"},
		"a stream twice": {tfModel(tfGraph("serve", tfNode("PrintV2").Message(5, tfEntry("output_stream", proto{}.Text(2, "stderr"))).
			Message(5, tfEntry("output_stream", proto{}.Text(2, "file://x"))), tfNode("Add"))), formats.Malformed, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, savedModelPath, c.file, c.code, c.words)
		})
	}
}
