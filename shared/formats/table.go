package formats

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// supported is a format of models that is accepted.
type supported struct {
	format  Format
	endings []string // of names, in lower case; a file with one of them must have the format
	maxSize int64    // bytes
	advice  string   // for a file that is larger
	read    func(*file) (Model, error)
}

// table lists the formats of models that are accepted.
var table = []supported{
	{
		format: ONNX, endings: []string{".onnx"}, maxSize: maxProtobuf, read: readONNX,
		advice: "which is protobuf's limit; save the weights as external data, in a file beside the model, and push both files",
	},
}

// ofFormat returns the table's entry for a format. It reports false if models of the format are not accepted.
func ofFormat(f Format) (supported, bool) {
	i := slices.IndexFunc(table, func(s supported) bool { return s.format == f })
	if i < 0 {
		return supported{}, false
	}
	return table[i], true
}

// Accepted reports whether files of the format are accepted, as models or as Data.
func Accepted(f Format) bool {
	_, ok := ofFormat(f)
	return ok || f == Data
}

// OfName returns the format that a file of the name must have, by its ending; "" if it may have any.
func OfName(name ref.Path) Format {
	ending := strings.ToLower(path.Ext(string(name)))
	for _, s := range table {
		if slices.Contains(s.endings, ending) {
			return s.format
		}
	}
	return ""
}

// CheckSize returns the refusal of a file that is larger than its format allows, or nil. Formats without a limit allow any size.
func CheckSize(f Format, size int64) *Refusal {
	s, ok := ofFormat(f)
	if !ok || size <= s.maxSize {
		return nil
	}
	return &Refusal{TooLarge, f, fmt.Sprintf("%s files have at most %d bytes, %s; this one has %d bytes", strings.ToUpper(string(f)), s.maxSize, s.advice, size)}
}

// Beside returns the path, within the version, of a file that the model at the path model names relative to its own folder.
func Beside(model, file ref.Path) ref.Path {
	return ref.Path(path.Join(path.Dir(string(model)), string(file)))
}

// Entry returns which of a version's model files a model server loads: the only one, else the one in the top folder named model with any ending,
// else the only one there whose name begins with "model.". ok is false if no rule gives exactly one.
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
		".json", ".jsonl", ".yaml", ".yml", ".toml", ".txt", ".md", ".csv", ".tsv", ".vocab",
		".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg",
	}
	assetNames = []string{
		"license", "notice", "readme", "changelog", "version",
		"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", // of SentencePiece, as Hugging Face's tokenizers are saved
	}
)

// AssetEndings returns the endings that IsAsset accepts, separated by commas, for a message.
func AssetEndings() string { return strings.Join(assetEndings, ", ") }

// IsAsset reports whether a data file of the name may be in a version although no model names it, such as a tokenizer or a text.
func IsAsset(name ref.Path) bool {
	base := strings.ToLower(path.Base(string(name)))
	return slices.Contains(assetEndings, path.Ext(base)) || slices.Contains(assetNames, base)
}
