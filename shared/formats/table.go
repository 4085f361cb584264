package formats

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// readers lists the formats that are accepted, in the order in which a file is tried for them: those without a signature last.
var readers = []reader{
	safetensors{},
	safetensorsIndex{},
	gguf{},
	tflite{},
	numpy{},
	xgboost{},
	lightgbm{},
	openvino{},
	torchLegacy{},
	pickle{},
	joblib{},
	zipReader{PyTorch}, zipReader{TorchScript}, zipReader{PT2}, zipReader{Keras}, zipReader{Skops}, zipReader{NPZ},
	config{},
	savedModel{},
	textOnlyPickle{},
	onnx{},
}

// Accepted returns the formats that are accepted.
func Accepted() []Format {
	all := []Format{Data}
	for _, r := range readers {
		all = append(all, r.about().format)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ofFormat finds what is known of an accepted format; Data is none.
func ofFormat(f Format) (about, bool) {
	for _, r := range readers {
		if a := r.about(); a.format == f {
			return a, true
		}
	}
	return about{}, false
}

// IsModel reports whether a file of the format is a model, or a part of one that says what it is: neither Data nor an asset.
func IsModel(f Format) bool {
	a, ok := ofFormat(f)
	return ok && !a.asset
}

// OfName returns the formats of which a file of the name must have one; none where the name does not tell.
func OfName(name ref.Path) []Format {
	base := strings.ToLower(path.Base(string(name)))
	ending := path.Ext(base)
	var all []Format
	for _, r := range readers {
		a := r.about()
		named := slices.Contains(a.names, base) || slices.Contains(a.endings, ending)
		if named && !slices.Contains(all, a.format) {
			all = append(all, a.format)
		}
	}
	return all
}

// CheckSize returns the refusal of a file that has more bytes than a file of any of the formats can have, or nil.
func CheckSize(formats []Format, size int64) *Refusal {
	var refusal *Refusal
	for _, f := range formats {
		a, ok := ofFormat(f)
		if !ok || a.maxSize == 0 || size <= a.maxSize {
			return nil
		}
		detail := fmt.Sprintf("%s has at most %d bytes", a.name, a.maxSize)
		if a.advice != "" {
			detail += ", " + a.advice
		}
		refusal = &Refusal{TooLarge, f, fmt.Sprintf("%s; this one has %d bytes", detail, size)}
	}
	return refusal
}

// Names names the formats in a sentence: "an ONNX file or a GGUF file".
func Names(formats []Format) string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
		if a, ok := ofFormat(f); ok {
			names[i] = a.name
		}
	}
	return strings.Join(names, " or ")
}

// List lists the formats as the API names them, for a sentence.
func List(formats []Format) string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
