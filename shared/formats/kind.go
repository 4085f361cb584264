package formats

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// Kind names what a version is, by all of its files. Runtimes serve kinds.
type Kind string

// HuggingFace is a folder of safetensors with a config.json beside them. Other kinds follow from the format of the file to load (about.kind).
const HuggingFace Kind = "huggingface"

// Sklearn is a version whose model scikit-learn wrote, in one of several formats.
const Sklearn Kind = "sklearn"

// File is a file of a version.
type File struct {
	Path   ref.Path
	Format Format
	Named  bool // another file names it as its own: it is part of that
}

// Arrangement is what a version's files make together.
type Arrangement struct {
	Kind  Kind
	Entry ref.Path   // the file that a server loads; where a server loads a folder, the file there that leads to the others
	Needs []ref.Path // other files that the entry needs by convention, whether or not the version has them
}

// Arrange finds out what a version's files make together. It fails, in a sentence for the publisher, if there is no model among them or it is not clear
// which of several is to be served.
func Arrange(files []File) (Arrangement, error) {
	models := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !IsModel(f.Format) })
	if len(models) == 0 {
		return Arrangement{}, errors.New("none of the files is a model")
	}
	if found, err := arrangeFolder(files, models); found.Entry != "" || err != nil {
		return found, err
	}
	if found, ok := arrangeShards(models); ok {
		return found, nil
	}
	whole := slices.DeleteFunc(slices.Clone(models), func(f File) bool { return f.Named })
	entry, ok := Entry(pathsOf(whole))
	if !ok {
		return Arrangement{}, fmt.Errorf("it has several models, %s: one of them alone must be called model, with its ending, or each be a version",
			someOf(pathsOf(models)))
	}
	a, _ := ofFormat(whole[slices.IndexFunc(whole, func(f File) bool { return f.Path == entry })].Format)
	return Arrangement{Kind: a.kindOf(), Entry: entry}, nil
}

// arrangeFolder finds a Hugging Face model: safetensors in one folder, with its config.json. Its zero result says that the files have none.
func arrangeFolder(files, models []File) (Arrangement, error) {
	first := slices.IndexFunc(models, func(f File) bool {
		config := ref.Path(path.Join(path.Dir(string(f.Path)), "config.json"))
		isWeights := f.Format == Safetensors || f.Format == SafetensorsIndex
		return isWeights && slices.ContainsFunc(files, func(f File) bool { return f.Path == config })
	})
	if first < 0 {
		return Arrangement{}, nil
	}
	folder := path.Dir(string(models[first].Path))
	var indexes, weights, others []ref.Path
	for _, f := range models {
		switch {
		case path.Dir(string(f.Path)) != folder:
			others = append(others, f.Path)
		case f.Format == SafetensorsIndex:
			indexes = append(indexes, f.Path)
		case f.Format == Safetensors:
			weights = append(weights, f.Path)
		default:
			others = append(others, f.Path)
		}
	}
	switch {
	case len(others) > 0:
		return Arrangement{}, fmt.Errorf("it has a Hugging Face model, %s, and other models beside it, %s: make a version of each",
			someOf(append(indexes, weights...)), someOf(others))
	case len(indexes) == 1:
		return Arrangement{Kind: HuggingFace, Entry: indexes[0]}, nil
	case len(indexes) == 0 && len(weights) == 1:
		return Arrangement{Kind: HuggingFace, Entry: weights[0]}, nil
	case len(indexes) > 1:
		return Arrangement{}, fmt.Errorf("it has several indexes of safetensors files, %s; a version has one", someOf(indexes))
	default:
		return Arrangement{}, fmt.Errorf("it has several safetensors files, %s, and no index that says what is in which", someOf(weights))
	}
}

// shardName is how llama.cpp names the parts of a model: base, number, total (llama_split_path, in llama.cpp's src/llama.cpp).
var shardName = regexp.MustCompile(`^(.+)-(\d{5})-of-(\d{5})\.gguf$`)

// shardEnding returns how the name of a part ends, from 1 on.
func shardEnding(n, total int64) string { return fmt.Sprintf("-%05d-of-%05d.gguf", n, total) }

// arrangeShards finds a GGUF model in several files, of which a server loads the first. All others are needed. It reports false for any other version.
func arrangeShards(models []File) (found Arrangement, ok bool) {
	base, total := "", 0
	for _, f := range models {
		parts := shardName.FindStringSubmatch(string(f.Path))
		if f.Format != GGUF || parts == nil || base != "" && base != parts[1] {
			return Arrangement{}, false
		}
		base = parts[1]
		n, _ := strconv.Atoi(parts[3])
		total = max(total, n)
	}
	if total < 1 || total > maxExternal {
		return Arrangement{}, false
	}
	for n := range total {
		found.Needs = append(found.Needs, ref.Path(base+shardEnding(int64(n+1), int64(total))))
	}
	found.Kind, found.Entry = Kind(GGUF), found.Needs[0]
	return found, true
}

// Belongs reports whether a file of the version belongs to its model by its place, though no file names it.
func (a Arrangement) Belongs(file ref.Path) bool {
	if slices.Contains(a.Needs, file) {
		return true
	}
	if path.Base(string(a.Entry)) != savedModelName {
		return false
	}
	within, ok := strings.CutPrefix("/"+string(file), path.Join("/", path.Dir(string(a.Entry)))+"/")
	return ok && (strings.HasPrefix(within, "variables/") || strings.HasPrefix(within, "assets/") || within == "fingerprint.pb" || within == "keras_metadata.pb")
}

// savedModelName is the file that a SavedModel's folder is known by (TensorFlow's saved_model/constants.h).
const savedModelName = "saved_model.pb"

func pathsOf(files []File) []ref.Path {
	paths := make([]ref.Path, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	return paths
}

// someOf names the first of some files.
func someOf(paths []ref.Path) string {
	const most = 5
	names := make([]string, 0, most+1)
	for _, p := range paths[:min(len(paths), most)] {
		names = append(names, string(p))
	}
	if more := len(paths) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
