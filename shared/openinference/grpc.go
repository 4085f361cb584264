package openinference

import (
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// RequestFromProto converts a gRPC request. Raw contents are not copied. It fails with Invalid if a tensor's name, datatype, shape or data is
// wrong.
func RequestFromProto(m *pb.ModelInferRequest) (*Request, error) {
	r := &Request{
		ID:         m.GetId(),
		Parameters: parametersFromProto(m.GetParameters()),
		Inputs:     make([]Tensor, len(m.GetInputs())),
		Outputs:    make([]RequestedOutput, len(m.GetOutputs())),
	}
	for i, o := range m.GetOutputs() {
		if err := checkName(o.GetName()); err != nil {
			return nil, err
		}
		r.Outputs[i] = RequestedOutput{Name: o.GetName(), Parameters: parametersFromProto(o.GetParameters())}
	}
	raw, err := rawOf(m.GetRawInputContents(), len(r.Inputs))
	if err != nil {
		return nil, err
	}
	for i, in := range m.GetInputs() {
		r.Inputs[i] = Tensor{Name: in.GetName(), Datatype: Datatype(in.GetDatatype()), Shape: in.GetShape(),
			Parameters: parametersFromProto(in.GetParameters())}
		if err := r.Inputs[i].fill(in.GetContents(), raw, i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ResponseFromProto converts a gRPC response. Raw contents are not copied. It fails with Invalid if a tensor's name, datatype, shape or data
// is wrong.
func ResponseFromProto(m *pb.ModelInferResponse) (*Response, error) {
	r := &Response{
		Model:      m.GetModelName(),
		Version:    m.GetModelVersion(),
		ID:         m.GetId(),
		Parameters: parametersFromProto(m.GetParameters()),
		Outputs:    make([]Tensor, len(m.GetOutputs())),
	}
	raw, err := rawOf(m.GetRawOutputContents(), len(r.Outputs))
	if err != nil {
		return nil, err
	}
	for i, out := range m.GetOutputs() {
		r.Outputs[i] = Tensor{Name: out.GetName(), Datatype: Datatype(out.GetDatatype()), Shape: out.GetShape(),
			Parameters: parametersFromProto(out.GetParameters())}
		if err := r.Outputs[i].fill(out.GetContents(), raw, i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// rawOf returns raw. It fails with Invalid unless there are raw contents for all tensors or for none.
func rawOf(raw [][]byte, tensors int) ([][]byte, error) {
	if len(raw) != 0 && len(raw) != tensors {
		return nil, fault.New(fault.Invalid,
			fmt.Sprintf("raw contents are given for %d of %d tensors: all or none have them", len(raw), tensors), fault.Field("raw_input_contents"))
	}
	return raw, nil
}

// fill sets the data of the i-th tensor from raw, or from its typed contents if raw is nil. It fails with Invalid if both are given or
// anything of the tensor is wrong.
func (t *Tensor) fill(contents *pb.InferTensorContents, raw [][]byte, i int) error {
	if err := t.checkHead(); err != nil {
		return err
	}
	switch {
	case raw == nil:
		data, err := t.fromContents(contents)
		if err != nil {
			return err
		}
		t.Data = data
	case contents != nil:
		return t.invalid("contents", "are given beside raw contents")
	default:
		t.Data = raw[i]
	}
	return t.Check()
}

// Proto returns the request as a gRPC message for the model and version. Its contents are raw and not copied.
func (r *Request) Proto(model, version string) *pb.ModelInferRequest {
	m := &pb.ModelInferRequest{ModelName: model, ModelVersion: version, Id: r.ID, Parameters: r.Parameters.proto()}
	for i := range r.Inputs {
		t := &r.Inputs[i]
		m.Inputs = append(m.Inputs, &pb.ModelInferRequest_InferInputTensor{
			Name: t.Name, Datatype: string(t.Datatype), Shape: t.Shape, Parameters: t.Parameters.proto(),
		})
		m.RawInputContents = append(m.RawInputContents, t.Data)
	}
	for _, o := range r.Outputs {
		m.Outputs = append(m.Outputs, &pb.ModelInferRequest_InferRequestedOutputTensor{Name: o.Name, Parameters: o.Parameters.proto()})
	}
	return m
}

// Proto returns the response as a gRPC message with raw contents, which are not copied.
func (r *Response) Proto() *pb.ModelInferResponse {
	m := &pb.ModelInferResponse{ModelName: r.Model, ModelVersion: r.Version, Id: r.ID, Parameters: r.Parameters.proto()}
	for i := range r.Outputs {
		t := &r.Outputs[i]
		m.Outputs = append(m.Outputs, &pb.ModelInferResponse_InferOutputTensor{
			Name: t.Name, Datatype: string(t.Datatype), Shape: t.Shape, Parameters: t.Parameters.proto(),
		})
		m.RawOutputContents = append(m.RawOutputContents, t.Data)
	}
	return m
}

// ProtoTyped returns the response as a gRPC message with typed contents, for clients that sent such. With an FP16 output, which has none, all
// contents are raw.
func (r *Response) ProtoTyped() *pb.ModelInferResponse {
	m := r.Proto()
	for i := range r.Outputs {
		if r.Outputs[i].Datatype == FP16 {
			return m
		}
	}
	for i := range r.Outputs {
		m.Outputs[i].Contents = r.Outputs[i].contents()
	}
	m.RawOutputContents = nil
	return m
}

// Proto returns the metadata as a gRPC message.
func (m *ModelMetadata) Proto() *pb.ModelMetadataResponse {
	return &pb.ModelMetadataResponse{
		Name: m.Name, Versions: m.Versions, Platform: m.Platform, Inputs: tensorsProto(m.Inputs), Outputs: tensorsProto(m.Outputs),
	}
}

func tensorsProto(tensors []TensorMetadata) []*pb.ModelMetadataResponse_TensorMetadata {
	out := make([]*pb.ModelMetadataResponse_TensorMetadata, len(tensors))
	for i, t := range tensors {
		out[i] = &pb.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: string(t.Datatype), Shape: t.Shape}
	}
	return out
}

// parametersFromProto converts the parameters of a gRPC message, nil for none. Values of an unknown type are left out.
func parametersFromProto(m map[string]*pb.InferParameter) Parameters {
	if len(m) == 0 {
		return nil
	}
	p := make(Parameters, len(m))
	for key, value := range m {
		switch v := value.GetParameterChoice().(type) {
		case *pb.InferParameter_BoolParam:
			p[key] = v.BoolParam
		case *pb.InferParameter_Int64Param:
			p[key] = v.Int64Param
		case *pb.InferParameter_StringParam:
			p[key] = v.StringParam
		case *pb.InferParameter_DoubleParam:
			p[key] = v.DoubleParam
		case *pb.InferParameter_Uint64Param:
			p[key] = v.Uint64Param
		}
	}
	return p
}

// proto returns the parameters as those of a gRPC message, nil for none. Values of a type that Parameters do not have are left out.
func (p Parameters) proto() map[string]*pb.InferParameter {
	if len(p) == 0 {
		return nil
	}
	m := make(map[string]*pb.InferParameter, len(p))
	for key, value := range p {
		switch v := value.(type) {
		case bool:
			m[key] = &pb.InferParameter{ParameterChoice: &pb.InferParameter_BoolParam{BoolParam: v}}
		case int64:
			m[key] = &pb.InferParameter{ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: v}}
		case string:
			m[key] = &pb.InferParameter{ParameterChoice: &pb.InferParameter_StringParam{StringParam: v}}
		case float64:
			m[key] = &pb.InferParameter{ParameterChoice: &pb.InferParameter_DoubleParam{DoubleParam: v}}
		case uint64:
			m[key] = &pb.InferParameter{ParameterChoice: &pb.InferParameter_Uint64Param{Uint64Param: v}}
		}
	}
	return m
}
