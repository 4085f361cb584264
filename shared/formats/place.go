package formats

import (
	"path"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// Beside returns the path in the version of a file that a model names from its own directory.
func Beside(model, file ref.Path) ref.Path {
	return ref.Path(path.Join(path.Dir(string(model)), string(file)))
}

// Entry picks the file that a model server loads out of a version's model files: the only one; else the one that is called model with any
// ending, in the version's top folder; else the only one whose name begins with "model." there. Publishing and model servers choose by it.
func Entry(models []ref.Path) (entry ref.Path, ok bool) {
	rules := []func(name string) bool{
		func(string) bool { return true },
		func(name string) bool { return strings.TrimSuffix(name, path.Ext(name)) == "model" },
		func(name string) bool { return strings.HasPrefix(name, "model.") && !strings.Contains(name, "/") },
	}
	for _, rule := range rules {
		called := slices.DeleteFunc(slices.Clone(models), func(m ref.Path) bool { return !rule(string(m)) })
		if len(called) == 1 {
			return called[0], true
		}
	}
	return "", false
}

// The names of files that may lie beside a model although no model names them: settings, texts, tokenizers, images.
var (
	assetEndings = []string{
		".json", ".jsonl", ".yaml", ".yml", ".toml", ".txt", ".md", ".csv", ".tsv", ".vocab", ".jinja", ".tiktoken",
		".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg",
	}
	assetNames = []string{
		"license", "notice", "readme", "changelog", "version",
		"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", // of SentencePiece, as Hugging Face's tokenizers are saved
	}
)

// AssetEndings names the endings that IsAsset knows, for a sentence.
func AssetEndings() string { return strings.Join(assetEndings, ", ") }

// IsAsset reports whether a data file of the name may lie beside a model that does not name it.
func IsAsset(name ref.Path) bool {
	base := strings.ToLower(path.Base(string(name)))
	return slices.Contains(assetEndings, path.Ext(base)) || slices.Contains(assetNames, base)
}

// IsCode reports whether a file of the name is Python code, which models of Hugging Face may bring.
func IsCode(name ref.Path) bool { return strings.EqualFold(path.Ext(string(name)), ".py") }
