// Package formats tells what a model file is from its bytes, and reads what its header says. A name alone makes no model: files of some names must be
// what the name says, and formats without a signature are looked for under the names that they have.
//
// Each format that is accepted has a reader in one table. Readers jump from header to header by ranged reads and do not read weights; pickles and
// archives are walked to their end, since what they run may stand anywhere. Nothing of a file is executed. Memory and the number of reads are bounded
// whatever the file says: what goes beyond is refused. Files of some other formats are recognised, so that the refusal can name them. A file of none of
// these formats is Data.
package formats

import (
	"cmp"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// Format names what a file is.
type Format string

// The formats that are recognised. Those with a reader in the table are accepted, and Data is.
const (
	ONNX             Format = "onnx"
	Data             Format = "data" // no model: external data of one, or what lies beside it
	Safetensors      Format = "safetensors"
	SafetensorsIndex Format = "safetensors-index" // says which of several safetensors files has a tensor
	XGBoost          Format = "xgboost"           // in JSON and in UBJSON
	LightGBM         Format = "lightgbm"
	OpenVINO         Format = "openvino"   // the intermediate representation
	SavedModel       Format = "savedmodel" // TensorFlow's
	Config           Format = "config"     // Hugging Face's, in JSON: an asset
	GGUF             Format = "gguf"
	Pickle           Format = "pickle"
	Joblib           Format = "joblib"      // a pickle with arrays between its opcodes, or a compressed one
	PyTorch          Format = "pytorch"     // a zip with a pickle, as torch.save writes it
	TorchScript      Format = "torchscript" // a zip with code
	PT2              Format = "pt2"         // what torch.export saves
	Keras            Format = "keras"       // Keras 3
	Skops            Format = "skops"
	NPZ              Format = "npz"    // several arrays of NumPy
	HDF5             Format = "hdf5"   // Keras before 3
	ORT              Format = "ort"    // ONNX Runtime's own
	TFLite           Format = "tflite" // TensorFlow Lite
	NumPy            Format = "numpy"  // one array
	Zip              Format = "zip"    // of none of the formats above
	Compressed       Format = "compressed"
	Tar              Format = "tar"
	Executable       Format = "executable" // ELF, PE
	Text             Format = "text"
	Unknown          Format = "unknown"
)

// Model is what a file says of itself. In JSON it is the details of an artifact: without the format, inputs and outputs, which have places of
// their own, and without what the file does not say.
type Model struct {
	Format          Format         `json:"-"`
	Producer        string         `json:"producer,omitempty"`
	ProducerVersion string         `json:"producer_version,omitempty"`
	Architecture    string         `json:"architecture,omitempty"`   // as the format names it: llama, BertModel, gbtree
	Parameters      int64          `json:"parameters,omitempty"`     // elements of all its tensors
	Trees           int64          `json:"trees,omitempty"`          // decision trees
	ContextLength   int64          `json:"context_length,omitempty"` // tokens
	Quantization    string         `json:"quantization,omitempty"`   // Q4_K_M
	ChatTemplate    bool           `json:"chat_template,omitempty"`  // it has one
	Inputs          []TensorInfo   `json:"-"`                        // those that a caller gives: what has an initializer is left out
	Outputs         []TensorInfo   `json:"-"`                        // in the file's order, as inputs are
	Tensors         []TensorInfo   `json:"tensors"`                  // what it holds, the first 65,536
	IRVersion       int64          `json:"ir_version,omitempty"`     // ONNX's, OpenVINO's
	Opsets          []Opset        `json:"opsets,omitempty"`         // ONNX's
	Operators       []Operator     `json:"operators,omitempty"`      // ONNX's, TensorFlow's
	External        []ExternalFile `json:"external"`                 // the other files of the version that hold its weights
	Findings        []Finding      `json:"findings"`                 // what a reviewer may want to know
}

// TensorInfo describes a tensor. Inputs and outputs have one of the Open Inference Protocol's datatypes; what a file holds may have others.
type TensorInfo struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"` // FP32, INT64, BYTES, ...
	Shape    []int64 `json:"shape"`    // -1: any extent; nil: any rank
}

// Opset is a version of a domain's operators that the model is written for.
type Opset struct {
	Domain  string `json:"domain"` // "" is ONNX's own
	Version int64  `json:"version"`
}

// Operator says how often a node type occurs, in subgraphs and functions too.
type Operator struct {
	Domain string `json:"domain"` // "" is ONNX's own
	Type   string `json:"type"`
	Count  int    `json:"count"`
}

// ExternalFile is a file that holds tensors' data, named from the model file's own directory (see Beside).
type ExternalFile struct {
	Path    ref.Path `json:"path"`
	Size    int64    `json:"size"` // the bytes that it must have at least: the greatest end of a tensor in it
	Tensors int      `json:"tensors"`
}

// Finding is a remark on a file.
type Finding struct {
	Code   string `json:"code"` // custom_domain, import, layer, ...: what the finding is about
	Detail string `json:"detail"`
	// Unsafe: loading the file may run code that this finding is about. A policy that scans refuses the file for it.
	Unsafe bool  `json:"unsafe,omitempty"`
	Offset int64 `json:"offset,omitempty"` // of the byte that it is about, in the file or, for a file in an archive, in that
}

// setOperators sets the operators to those that were counted, by domain and type.
func (m *Model) setOperators(counted map[Operator]int) {
	for operator, count := range counted {
		operator.Count = count
		m.Operators = append(m.Operators, operator)
	}
	slices.SortFunc(m.Operators, func(a, b Operator) int {
		return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Type, b.Type))
	})
}

// sortExternal orders the external files by their paths.
func (m *Model) sortExternal() {
	slices.SortFunc(m.External, func(a, b ExternalFile) int { return cmp.Compare(a.Path, b.Path) })
}
