package formats_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

func TestAnOpenVINOModelIsRead(t *testing.T) {
	t.Parallel()
	want := formats.Model{
		Format: formats.OpenVINO, Producer: "openvino", IRVersion: 11, Parameters: 10,
		Inputs:   []formats.TensorInfo{{Name: "x", Datatype: "FP32", Shape: []int64{-1, 4}}},
		Outputs:  []formats.TensorInfo{{Name: "y", Datatype: "FP32", Shape: []int64{-1, 2}}},
		Tensors:  []formats.TensorInfo{{Name: "Constant_3", Datatype: "FP32", Shape: []int64{4, 2}}, {Name: "Constant_5", Datatype: "FP32", Shape: []int64{2}}},
		External: []formats.ExternalFile{{Path: "net.bin", Size: 40, Tensors: 2}}, Findings: []formats.Finding{},
	}
	got, err := recogniseAs("a/net.xml", fixture(t, "openvino.xml"))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, %v, want\n%+v", got, err, want)
	}
}

func TestWhatAnOpenVINOModelTakesAndGivesIsThatOfItsOwnLayers(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("net.xml", fixture(t, "openvino-mixed.xml"))
	if err != nil {
		t.Fatal(err)
	}
	inputs := []formats.TensorInfo{
		{Name: "a<b", Datatype: "INT64", Shape: []int64{-1, 3}}, {Name: "dyn", Datatype: "FP16"}, {Name: "flag", Datatype: "BOOL", Shape: []int64{}},
		{Name: "text", Datatype: "BYTES", Shape: []int64{-1}},
	}
	outputs := []formats.TensorInfo{
		{Name: "Result_25", Datatype: "FP32", Shape: []int64{-1, 3}}, {Name: "Result_27", Datatype: "FP16"},
		{Name: "Result_28", Datatype: "FP32", Shape: []int64{2}}, {Name: "text", Datatype: "BYTES", Shape: []int64{-1}},
	}
	if !reflect.DeepEqual(m.Inputs, inputs) || !reflect.DeepEqual(m.Outputs, outputs) {
		t.Errorf("inputs are %v, outputs %v", m.Inputs, m.Outputs)
	}
}

func TestEachCutOfAnOpenVINOModelIsRefused(t *testing.T) {
	t.Parallel()
	whole := strings.TrimSpace(string(fixture(t, "openvino.xml")))
	for n := 1; n < len(whole); n++ {
		if m, err := recogniseAs("net.xml", []byte(whole[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for %s", n, len(whole), m.Format)
		}
	}
}

func TestOpenVINOModelsThatReadersWouldDifferAboutAreRefused(t *testing.T) {
	t.Parallel()
	const net = `<net name="linear" version="11">`
	const constant = `<data element_type="f32" shape="2" offset="32" size="8" />`
	whole := string(fixture(t, "openvino.xml"))
	for _, c := range []struct {
		before, after string
		code          formats.Code
		words         string
	}{
		{net, `<!DOCTYPE net [<!ENTITY a "b">]>` + net, formats.UnsupportedFormat, "not an OpenVINO model"},
		{"<layers>", `<!DOCTYPE net [<!ENTITY a "b">]><layers>`, formats.Malformed, "document type"},
		{`name="linear"`, `name="&a;"`, formats.Malformed, "cannot be read"},
		{net, `<net name="linear" version="9">`, formats.Malformed, "10 and 11 are read"},
		{net, `<net name="linear">`, formats.Malformed, "10 and 11 are read"},
		{"</net>", "</net><net></net>", formats.Malformed, "where it has to end"},
		{"</net>", "</net>text", formats.Malformed, "text outside"},
		{"</net>", "</layers>", formats.Malformed, "did not begin"},
		{"</net>", "", formats.Truncated, "not closed"},
		{"<rt_info />", "<layers></layers>", formats.Malformed, `layers twice`},
		{"<rt_info />", `<rt_info><__weights_path value="/etc/passwd" /></rt_info>`, formats.UnsafeReference, "beside it"},
		{"<rt_info />", `<rt_info><attribute name="__weights_path" value="/etc/passwd" /></rt_info>`, formats.UnsafeReference, "beside it"},
		{`id="1" name="Constant_3"`, `id="0" name="Constant_3"`, formats.Malformed, "two layers"},
		{`name="Constant_3"`, `name="Constant_3" name="c"`, formats.Malformed, "twice in an element"},
		{`name="Constant_3"`, `name="&#x7f;"`, formats.Malformed, "control character"},
		{`name="Constant_3"`, `name="` + strings.Repeat("n", 2000) + `"`, formats.Malformed, "2000 bytes"},
		{`name="Constant_3"`, `name="` + strings.Repeat("n", 2<<20) + `"`, formats.TooComplex, "1048576 bytes"},
		{"<layers>", "<!--" + strings.Repeat("<>", 1<<20) + "--><layers>", formats.TooComplex, "1048576 bytes"},
		{"<layers>", "<layers>" + strings.Repeat("<a>", 100), formats.Malformed, "among its layers"},
		{"<rt_info />", strings.Repeat("<a>", 100), formats.TooComplex, "nested"},
		{"<rt_info />", "<a " + manyKeys(300, func(k string) string { return "k" + k + `="" ` }) + "/>", formats.TooComplex, "256 attributes"},
		{constant, strings.Replace(constant, `"8"`, `"9"`, 1), formats.Malformed, "has 9 bytes"},
		{constant, strings.Replace(constant, `"8"`, `"-8"`, 1), formats.Malformed, "with"},
		{constant, strings.Replace(constant, `"32"`, `"18446744073709551615"`, 1), formats.Malformed, "18446744073709551615"},
		{constant, strings.Replace(constant, `"32"`, `"9223372036854775800"`, 1), formats.Malformed, "9223372036854775800"},
		{constant, strings.Replace(constant, `shape="2"`, `shape="99999999999,99999999999"`, 1), formats.Malformed, "shape"},
		{constant, strings.Replace(constant, `shape="2"`, `shape="`+strings.Repeat("1,", 100)+`1"`, 1), formats.Malformed, "dimensions"},
		{constant, constant + constant, formats.Malformed, "two elements data"},
		{`shape="?,4"`, `shape="?,x"`, formats.Malformed, "shape"},
		{`element_type="f32" />`, `element_type="bf16" />`, formats.UnsupportedType, "BF16"},
		{`element_type="f32" />`, `element_type="dynamic" />`, formats.UnsupportedType, "dynamic"},
		{`type="Result"`, `type="Sink"`, formats.Malformed, "without an output"},
		{`<dim>4</dim>`, `<dim>4</dim><b></c>`, formats.Malformed, "did not begin"},
		{`from-layer="4"`, `from-layer="x"`, formats.Malformed, "an edge without"},
	} {
		t.Run(shown(c.before+" "+c.after), func(t *testing.T) {
			t.Parallel()
			assertRefusedAs(t, "net.xml", []byte(replaced(t, whole, c.before, c.after)), c.code, c.words)
		})
	}
}

func TestLayersThatNeedAnExtensionAreAFinding(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("net.xml", []byte(replaced(t, string(fixture(t, "openvino.xml")), `type="Add" version="opset1"`, `type="Mine" version="extension"`)))
	if err != nil || len(m.Findings) != 1 || m.Findings[0].Code != "custom_domain" {
		t.Errorf("findings are %v, %v", m.Findings, err)
	}
}

func TestTheOutputsOfAnOpenVINOModelHaveTheNamesThatItsRuntimeGivesThem(t *testing.T) {
	t.Parallel()
	whole := string(fixture(t, "openvino.xml"))
	names := replaced(t, whole, ` output_names="y,z\,1"`, "")
	for want, file := range map[string]string{
		`a,b`:  replaced(t, whole, `output_names="y,z\,1"`, `output_names="z,a\,b,y"`),
		`0,1`:  replaced(t, names, `names="y,z\,1"`, `names="y,0\,1"`),
		"plus": replaced(t, replaced(t, names, ` names="y,z\,1"`, ""), `name="y" type="Add"`, `name="plus" type="Add"`),
	} {
		m, err := recogniseAs("net.xml", []byte(file))
		if err != nil || len(m.Outputs) != 1 || m.Outputs[0].Name != want {
			t.Errorf("outputs are %v, %v, want %s", m.Outputs, err, want)
		}
	}
}

func TestTheLayersOfAnOpenVINOModelAreBounded(t *testing.T) {
	t.Parallel()
	var layers strings.Builder
	for i := range 1<<17 + 1 {
		fmt.Fprintf(&layers, `<layer id="%d" type="T" version="opset1"/>`, i)
	}
	assertRefusedAs(t, "net.xml", []byte(`<net name="n" version="11"><layers>`+layers.String()+`</layers></net>`), formats.TooComplex, "131072 layers")
}
