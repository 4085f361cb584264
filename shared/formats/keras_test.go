package formats_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

func kerasFile(t testing.TB, config string) string {
	t.Helper()
	return archiveOf(t, "metadata.json", `{"keras_version": "3.15.1"}`, "config.json", config, "model.weights.h5", "\x89HDF\r\n\x1a\n")
}

func TestAKerasModelIsRead(t *testing.T) {
	t.Parallel()
	m, err := recogniseAs("model.keras", []byte(kerasFile(t, string(fixture(t, "keras.json")))))
	if err != nil || m.Format != formats.Keras || m.Architecture != "Functional" || m.Producer != "Keras" || m.ProducerVersion != "3.15.1" ||
		len(m.Findings) > 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestCodeInAKerasModelIsFound(t *testing.T) {
	t.Parallel()
	runs := func(class string) string { return "has a " + class + ", which runs code that the file has or names" }
	for config, want := range map[string]string{
		`{"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "module": "keras.layers", "config": {}}]}}`: runs("Lambda"),
		`{"class_name": "Lambda", "config": {}}`:                                                                 runs("Lambda"),
		`{"x": [[{"class_name": "__lambda__", "config": {"value": "4wEA"}}]]}`:                                   runs("__lambda__"),
		`{"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "gAI="}}`:           runs("TorchModuleWrapper"),
		`{"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}`:            "names the function os.system",
		`{"module": "builtins", "class_name": "function", "config": "eval"}`:                                     "names the function builtins.eval",
		`{"module": "keras.utils", "class_name": "function", "config": "get_file"}`:                              "names the function keras.utils.get_file",
		`{"module": "keras.config", "class_name": "enable", "config": {}}`:                                       "names the class keras.config.enable",
		`{"module": "subprocess", "class_name": "Popen", "config": {}}`:                                          "names the class subprocess.Popen",
		`{"module": "keras.src.layers.x", "class_name": "os", "config": {}}`:                                     "names the class keras.src.layers.x.os",
		`{"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}}`:      "reads its vocabulary from /etc/passwd",
		`{"class_\u006eame": "L\u0061mbda"}`:                                                                     runs("Lambda"),
		`{"module": "keras.activations", "class_name": "function", "config": "relu", "registered_name": "relu"}`: "",
		`{"module": "builtins", "class_name": "function", "config": "softmax", "registered_name": "function"}`:   "",
		`{"module": null, "class_name": "MyLayer", "config": {}, "registered_name": "mine>MyLayer"}`:             "",
	} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(details(t, "model.keras", kerasFile(t, config), formats.Keras), "; ")
			if strings.TrimPrefix(got, `"config.json" `) != want {
				t.Errorf("found %s, want %s", got, want)
			}
		})
	}
}

func TestPickledWeightsOfAKerasModelAreFound(t *testing.T) {
	t.Parallel()
	objects := npyEntry("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", unsafePickle)
	file := archiveOf(t, "metadata.json", "{}", "config.json", "{}", "model.weights.npz", archiveOf(t, "layer.npy", objects))
	if got := details(t, "model.keras", file, formats.Keras); len(got) != 1 || got[0] != `"layer.npy" has objects, which are pickled` {
		t.Errorf("found %q", got)
	}
}

func TestAKerasConfigurationThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		"", "{", `{"class_name": "Dense", "class_name": "Lambda"}`, strings.Repeat("[", 100), "{} {}", `{"x": "` + strings.Repeat("x", 2<<20) + `"}`,
	} {
		if _, err := recogniseAs("model.keras", []byte(kerasFile(t, config))); err == nil {
			t.Errorf("%.40s is taken", config)
		}
	}
}
