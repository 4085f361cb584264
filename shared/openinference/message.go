package openinference

// Request asks for one run of a model.
type Request struct {
	ID         string // given back in the response
	Parameters Parameters
	Inputs     []Tensor
	Outputs    []RequestedOutput // none: all outputs
}

// RequestedOutput names an output that the caller wants.
type RequestedOutput struct {
	Name       string
	Parameters Parameters
}

// Response is what a run gave.
type Response struct {
	Model      string
	Version    string // "" if the server has none
	ID         string
	Parameters Parameters
	Outputs    []Tensor
}

// The parameters of the binary tensor data extension.
const (
	paramBinaryData       = "binary_data"        // of a requested output: send it as binary
	paramBinaryDataOutput = "binary_data_output" // of a request: send all outputs as binary, if the output does not say otherwise
	paramBinaryDataSize   = "binary_data_size"   // of a tensor: its bytes after the JSON
)

// WantsBinary reports whether the request asks for the output as binary data, by the output's own parameter or else by the one for all
// outputs.
func (r *Request) WantsBinary(output string) bool {
	for i := range r.Outputs {
		if r.Outputs[i].Name != output {
			continue
		}
		if wants, ok := r.Outputs[i].Parameters[paramBinaryData].(bool); ok {
			return wants
		}
	}
	all, _ := r.Parameters[paramBinaryDataOutput].(bool)
	return all
}

// ServerMetadata is the answer to GET /v2.
type ServerMetadata struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// ModelMetadata is the answer to GET /v2/models/{name}.
type ModelMetadata struct {
	Name     string           `json:"name"`
	Versions []string         `json:"versions,omitempty"`
	Platform string           `json:"platform"` // "onnxruntime_onnx"
	Inputs   []TensorMetadata `json:"inputs"`
	Outputs  []TensorMetadata `json:"outputs"`
}

// TensorMetadata describes an input or output of a model.
type TensorMetadata struct {
	Name     string   `json:"name"`
	Datatype Datatype `json:"datatype"`
	Shape    []int64  `json:"shape"` // -1 stands for a dimension of any size
}

// Fits reports whether the shape has the dimensions that m declares; -1 in m fits any.
func (m *TensorMetadata) Fits(shape []int64) bool {
	if len(shape) != len(m.Shape) {
		return false
	}
	for i, d := range m.Shape {
		if d >= 0 && d != shape[i] {
			return false
		}
	}
	return true
}
