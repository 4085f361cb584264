package formats

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// config reads the JSON files beside Hugging Face's weights that can name Python code to load: config.json, which also says what the model is, and
// those of tokenizers and processors (huggingface.co/docs/transformers, Customizing models). It goes by their names, since no part of them has to
// be there. A file of such a name that cannot be read is refused: libraries that are less strict would find code in it.
type config struct{}

func (config) about() about {
	return about{format: Config, name: "a Hugging Face configuration", endings: []string{}, maxSize: 64 << 20, asset: true}
}

const modelConfig = "config.json"

// configNames are the files that are read. But for config.json, one that names no code is Data.
var configNames = []string{
	modelConfig, "tokenizer_config.json", "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json", "generation_config.json",
	"image_processor_config.json", "feature_extractor_config.json",
}

// recognises takes what begins like an object for one.
func (config) recognises(f *file) (bool, error) {
	if !slices.Contains(configNames, path.Base(string(f.path))) {
		return false, nil
	}
	head, err := f.peek(0, headSize)
	text := strings.TrimLeft(string(head), "\ufeff \t\r\n")
	return text == "" || text[0] == '{', err
}

// configReading gathers what a configuration says.
type configReading struct {
	*jsonReader
	model   Model
	told    bool              // it says that it is a model's
	texts   map[string]string // by their paths, of those that are asked for
	numbers map[string]int64
}

// The paths of members that are read, the first of them that is there. Models of several parts keep what is said of the text's in one of them.
var (
	configArchitectures = []string{"architectures[]", "model_type"}
	configLengths       = []string{
		"max_position_embeddings", "text_config.max_position_embeddings", "llm_config.max_position_embeddings", "n_positions", "max_sequence_length",
		"seq_length", "max_seq_len", "n_ctx",
	}
	configTypes = []string{
		"quantization_config.quant_method", "text_config.quantization_config.quant_method", "torch_dtype", "dtype", "text_config.torch_dtype", "text_config.dtype",
	}
)

const configVersion = "transformers_version"

func (config) read(f *file) (Model, error) {
	c := &configReading{jsonReader: f.pythonJSON(0, f.size), model: newModel(Config), texts: map[string]string{}, numbers: map[string]int64{}}
	if err := c.object(func(key string) error { return c.member("", key, false) }); err != nil {
		return Model{}, err
	}
	if err := c.end(); err != nil {
		return Model{}, err
	}
	if (!c.told || path.Base(string(f.path)) != modelConfig) && len(c.model.Findings) == 0 {
		return Model{}, errOther
	}
	m := &c.model
	m.Architecture, m.Quantization = firstOf(c.texts, configArchitectures), firstOf(c.texts, configTypes)
	m.ContextLength = firstOf(c.numbers, configLengths)
	if m.ProducerVersion = c.texts[configVersion]; m.ProducerVersion != "" {
		m.Producer = "transformers"
	}
	return *m, nil
}

// firstOf returns the value of the first of the keys that has one.
func firstOf[V any](values map[string]V, keys []string) (none V) {
	for _, key := range keys {
		if v, ok := values[key]; ok {
			return v
		}
	}
	return none
}

// member reads a member of the object at a path; code says that its texts name code.
func (c *configReading) member(at, key string, code bool) error {
	const longest = 128 // of the paths that are asked for
	if at != "" {
		key = at + "." + key
	}
	if len(key) > longest {
		key = "?" + key[len(key)-longest:]
	}
	_, last := cutLast(key)
	return c.value(key, code || last == "auto_map")
}

// cutLast cuts a path at its last dot. Without one, all of it is the last part.
func cutLast(s string) (before, after string) {
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

// value reads the value at a path.
func (c *configReading) value(at string, code bool) error {
	where := c.at()
	token, err := c.token()
	if err != nil {
		return err
	}
	c.told = c.told || at == "model_type" || at == "architectures" || at == "auto_map"
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return c.members(func(key string) error { return c.member(at, key, code) })
		}
		return c.elements(func(int) error { return c.value(at+"[]", code) })
	case string:
		return c.text(at, v, where, code)
	case json.Number:
		if n, err := v.Int64(); err == nil && n > 0 && slices.Contains(configLengths, at) {
			c.numbers[at] = n
		}
	}
	return nil
}

// text notes a text at a path; where is the byte where it begins.
func (c *configReading) text(at, text string, where int64, code bool) error {
	_, last := cutLast(at)
	switch {
	case code:
		return c.code(text, where)
	case last == "impl" && strings.HasPrefix(at, "custom_pipelines."):
		return c.code(text, where)
	case strings.HasSuffix(last, "attn_implementation") && strings.Contains(text, "/"): // the program of another repository
		return c.finding(where, "its attention is the program "+shorten(text)+", which is fetched from another repository")
	case at == configVersion, slices.Contains(configArchitectures, at), slices.Contains(configTypes, at):
		if err := checkName(text, where); err != nil {
			return err
		}
		if _, there := c.texts[at]; !there { // the first of a list
			c.texts[at] = text
		}
	}
	return nil
}

// code adds a finding on the name of a class: module.Class, or repository--module.Class.
func (c *configReading) code(name string, where int64) error {
	if err := checkName(name, where); err != nil {
		return err
	}
	repository, class, foreign := strings.Cut(name, "--")
	if !foreign {
		class = repository
	}
	module, class := cutLast(class)
	file := shorten(module + ".py")
	if foreign {
		file += " of the repository " + shorten(repository) + ", which is fetched"
	}
	return c.finding(where, fmt.Sprintf("loading the model runs the class %s in %s", shorten(class), file))
}

func (c *configReading) finding(where int64, detail string) error {
	const most = 256
	if len(c.model.Findings) == most {
		return tooComplex("names code more than %d times", most)
	}
	c.model.Findings = append(c.model.Findings, Finding{Code: "runs_code", Detail: detail, Unsafe: true, Offset: where})
	return nil
}
