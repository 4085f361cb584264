package formats

import (
	"slices"
	"strings"
	"unicode"
)

// kerasArchive is what Keras 3 saves: the configuration of a model, its weights, and what wrote it (keras/src/saving/saving_lib.py).
var kerasArchive = zipFormat{
	known: about{format: Keras, name: "a Keras file", endings: []string{".keras"}},
	is: func(names zipNames) bool {
		return names["config.json"] && names["metadata.json"] && (names["model.weights.h5"] || names["model.weights.npz"])
	},
	read: readKeras,
}

// kerasModules are the modules of which a configuration may name classes: of layers and what they have (keras/src/saving/serialization_lib.py,
// _retrieve_class_or_fn). Keras before 3.12 imports any module that is named, and takes any function from keras's own.
var kerasModules = []string{
	"keras", "keras.activations", "keras.constraints", "keras.dtype_policies", "keras.initializers", "keras.layers", "keras.losses", "keras.metrics",
	"keras.models", "keras.optimizers", "keras.optimizers.schedules", "keras.quantizers", "keras.random", "keras.regularizers",
}

// kerasInner are the beginnings of the names of Keras's inner modules that models of the functional API name.
var kerasInner = []string{"keras.src.layers.", "keras.src.models.", "keras.src.ops."}

// kerasFunctions are the functions that a configuration may name: activations, losses and metrics.
const kerasFunctions = " binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy categorical_hinge celu" +
	" circle cosine_similarity ctc dice elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh hinge huber kl_divergence" +
	" leaky_relu linear log_cosh log_sigmoid log_softmax mae mape mean_absolute_error mean_absolute_percentage_error mean_squared_error" +
	" mean_squared_logarithmic_error mish mse msle poisson relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_categorical_crossentropy" +
	" sparse_plus sparse_sigmoid sparsemax squared_hinge squareplus swish tanh tanh_shrink threshold tversky "

// kerasCode are the classes that run code, or load a model of another kind, which the configuration names or holds.
var kerasCode = []string{"Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}

// readKeras looks for code in a model's configuration, and for the version of Keras.
func readKeras(a *zipArchive) error {
	const config = "config.json"
	err := a.walk(config, jsonWalk{wanted: []string{"class_name", "module", "config", "vocabulary"}, visit: func(at int64, texts map[string]string) {
		if detail := kerasFinding(texts); detail != "" {
			a.found(config, "layer", detail, at)
		}
		if class := texts["class_name"]; class != "" && len(class) <= maxName && checkName(class, 0) == nil {
			a.model.Architecture = class // the last is the outermost
		}
	}})
	if err != nil {
		return err
	}
	return a.walk("metadata.json", jsonWalk{wanted: []string{"keras_version"}, visit: func(_ int64, texts map[string]string) {
		a.model.Producer = "Keras"
		if version := texts["keras_version"]; len(version) <= maxPickleKey && checkName(version, 0) == nil {
			a.model.ProducerVersion = version
		}
	}})
}

// found adds a finding about a file of the archive.
func (a *zipArchive) found(name, code, detail string, at int64) {
	a.model.Findings = appendFinding(a.model.Findings, Finding{code, shorten(name) + " " + detail, true, at})
}

// kerasFinding says what of an object of a configuration may run code, "" for nothing.
func kerasFinding(texts map[string]string) string {
	class, module := texts["class_name"], texts["module"]
	switch {
	case texts["vocabulary"] != "":
		return "reads its vocabulary from " + pickleName(texts["vocabulary"])
	case class == "":
		return ""
	case slices.Contains(kerasCode, class):
		return "has a " + class + ", which runs code that the file has or names"
	case class == "function":
		if name := texts["config"]; module != "builtins" && !slices.Contains(kerasModules, module) || !strings.Contains(kerasFunctions, " "+name+" ") {
			return "names the function " + pickleName(module) + "." + pickleName(name)
		}
		return ""
	case module == "", slices.Contains(kerasModules, module) && isClassName(class), kerasOwn(module) && isClassName(class):
		return "" // without a module it is a class that the program has registered
	default:
		return "names the class " + pickleName(module) + "." + pickleName(class)
	}
}

// kerasOwn reports whether a module is one of Keras's inner ones with layers, models or operations.
func kerasOwn(module string) bool {
	return slices.ContainsFunc(kerasInner, func(prefix string) bool { return strings.HasPrefix(module, prefix) })
}

// isClassName reports whether a name is written like a class's.
func isClassName(name string) bool {
	return unicode.IsUpper(rune(name[0])) && !strings.Contains(name, ".")
}
