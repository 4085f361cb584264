package formats_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

func TestAConfigurationSaysWhatItsModelIs(t *testing.T) {
	t.Parallel()
	want := formats.Model{
		Format: formats.Config, Architecture: "LlamaForCausalLM", ContextLength: 2048, Quantization: "float16",
		Inputs: []formats.TensorInfo{}, Outputs: []formats.TensorInfo{}, Tensors: []formats.TensorInfo{}, External: []formats.ExternalFile{},
		Findings: []formats.Finding{},
	}
	got, err := recogniseAs("config.json", fixture(t, "config.json"))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, %v, want\n%+v", got, err, want)
	}
}

func TestAConfigurationIsNoModel(t *testing.T) {
	t.Parallel()
	for format, want := range map[formats.Format]bool{formats.ONNX: true, formats.XGBoost: true, formats.Config: false, formats.Data: false, "": false} {
		if formats.IsModel(format) != want {
			t.Errorf("%s: %t", format, !want)
		}
	}
	whole := fixture(t, "config.json")
	m, err := formats.Recognise(strings.NewReader(string(whole)), int64(len(whole)), formats.Claim{Path: "a/config.json", Format: formats.Data})
	if err != nil || m.Format != formats.Config {
		t.Errorf("announced as data: %v, %v", m.Format, err)
	}
}

func TestConfigurationsOfSeveralKindsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]formats.Model{
		`{"model_type": "mamba2", "time_step_limit": [0.0, Infinity], "dtype": "bfloat16"}`:                 {Architecture: "mamba2", Quantization: "bfloat16"},
		`{"architectures": ["A", "B"], "quantization_config": {"quant_method": "awq"}, "dtype": "float16"}`: {Architecture: "A", Quantization: "awq"},
		`{"architectures": null, "model_type": "gpt2", "n_positions": 1024, "transformers_version": "4.57.1"}`: {
			Architecture: "gpt2", ContextLength: 1024, Producer: "transformers", ProducerVersion: "4.57.1",
		},
		`{"architectures": ["V"], "text_config": {"max_position_embeddings": 4096}, "max_position_embeddings": null}`: {Architecture: "V", ContextLength: 4096},
		`{"model_type": 7, "max_position_embeddings": -1}`:                                                            {},
	} {
		got, err := recogniseAs("config.json", []byte(text))
		want.Format = formats.Config
		want.Inputs, want.Outputs, want.Tensors = []formats.TensorInfo{}, []formats.TensorInfo{}, []formats.TensorInfo{}
		want.External, want.Findings = []formats.ExternalFile{}, []formats.Finding{}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read\n%+v, %v, want\n%+v", text, got, err, want)
		}
	}
}

func TestCodeThatAConfigurationNamesIsAFinding(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		name  ref.Path
		words []string // of each finding
	}{
		`{"auto_map": {"AutoConfig": "configuration_x.XConfig", "AutoModel": "modeling_x.XModel"}}`: {
			"config.json", []string{`class "XConfig" in "configuration_x.py"`, `class "XModel" in "modeling_x.py"`},
		},
		`{"\u0061uto_map": {"AutoModel": "modeling_x.XModel"}}`:                   {"config.json", []string{`"modeling_x.py"`}},
		`{"text_config": {"auto_map": {"AutoModel": "modeling_x.XModel"}}}`:       {"a/config.json", []string{`"modeling_x.py"`}},
		`{"auto_map": {"AutoTokenizer": ["tokenization_x.Slow", null]}}`:          {"tokenizer_config.json", []string{`"tokenization_x.py"`}},
		`{"auto_map": {"AutoProcessor": "acme/code--processing.P"}}`:              {"processor_config.json", []string{`of the repository "acme/code"`}},
		`{"auto_map": "modeling_x.XModel"}`:                                       {"config.json", []string{`"modeling_x.py"`}},
		`{"custom_pipelines": {"mine": {"impl": "pipe.P", "pt": ["AutoModel"]}}}`: {"config.json", []string{`class "P" in "pipe.py"`}},
		`{"model_type": "x", "attn_implementation": "acme/attention"}`:            {"config.json", []string{`"acme/attention"`}},
		`{"` + strings.Repeat("k", 500) + `": {"auto_map": {"A": "m.X"}}}`:        {"config.json", []string{`"m.py"`}},
	} {
		m, err := recogniseAs(c.name, []byte(text))
		if err != nil || m.Format != formats.Config || len(m.Findings) != len(c.words) {
			t.Errorf("%s: %+v, %v", text, m, err)
			continue
		}
		for i, f := range m.Findings {
			if !f.Unsafe || f.Code != "runs_code" || f.Offset == 0 || !strings.Contains(f.Detail, c.words[i]) {
				t.Errorf("%s: the finding is %+v", text, f)
			}
		}
	}
}

func TestJSONThatSaysNothingOfAModelIsData(t *testing.T) {
	t.Parallel()
	for name, text := range map[ref.Path]string{
		"config.json": `{"host": "localhost"}`, "a/config.json": `[1, 2]`, "settings.json": `{"auto_map": {"A": "b.C"}}`,
		"tokenizer_config.json": `{"model_type": "x"}`, "generation_config.json": `{"do_sample": false}`, "tokenizer.json": `{"model": {}}`,
	} {
		if m, err := recogniseAs(name, []byte(text)); err != nil || m.Format != formats.Data {
			t.Errorf("%s: %v, %v", name, m.Format, err)
		}
	}
}

func TestAConfigurationThatCannotBeReadWholeIsRefused(t *testing.T) {
	t.Parallel()
	for text, words := range map[string]string{
		`{"model_type": "x"`:                                     "ends too soon",
		`{"model_type": "x"} {"auto_map": {}}`:                   "after its JSON",
		`{"a": 1, "a": 2}`:                                       "twice",
		`{"a": 1, "\u0061": 2}`:                                  "twice",
		`{"a": 1,}`:                                              "cannot be read",
		`{"a": 1 /* c */}`:                                       "cannot be read",
		`{"model_type": "a\u0000b"}`:                             "control character",
		`{"auto_map": {"A": "m\u0007.X"}}`:                       "control character",
		strings.Repeat(" ", 5000) + `{"a": 1, "a": 2}`:           "twice",
		`{"a": ` + strings.Repeat("[", 100) + `}`:                "nested",
		`{"a": "` + strings.Repeat("x", 2<<20) + `"}`:            "more than",
		`{"auto_map": [` + strings.Repeat(`"m.X",`, 300) + `1]}`: "256 times",
	} {
		code := formats.Malformed
		if words == "nested" || words == "more than" || words == "256 times" {
			code = formats.TooComplex
		}
		assertRefusedAs(t, "config.json", []byte(text), code, words)
	}
}
