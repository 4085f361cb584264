package openinference_test

import (
	"bytes"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// anyTensor draws a tensor whose numbers are finite and whose strings are UTF-8, so that JSON can carry it.
func anyTensor(t *rapid.T) openinference.Tensor {
	tensor := openinference.Tensor{
		Name:     rapid.StringN(1, 8, 64).Draw(t, "name"),
		Datatype: rapid.SampledFrom(openinference.Datatypes()).Draw(t, "datatype"),
		Shape:    rapid.SliceOfN(rapid.Int64Range(0, 4), 0, 3).Draw(t, "shape"),
		Binary:   rapid.Bool().Draw(t, "binary"),
	}
	count, err := tensor.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for range count {
		tensor.Data = append(tensor.Data, anyElement(t, tensor.Datatype)...)
	}
	return tensor
}

func anyElement(t *rapid.T, d openinference.Datatype) []byte {
	raw := rapid.SliceOfN(rapid.Byte(), d.Size(), d.Size()).Draw(t, "element")
	switch d {
	case openinference.Bytes:
		return openinference.AppendString(nil, rapid.String().Draw(t, "string"))
	case openinference.Bool:
		raw[0] &= 1
	case openinference.FP16, openinference.FP32, openinference.FP64:
		raw[len(raw)-1] &^= 0x44 // one bit of the exponent is 0: neither infinite nor no number
	}
	return raw
}

func anyTensors(t *rapid.T) []openinference.Tensor {
	return rapid.SliceOfN(rapid.Custom(anyTensor), 1, 4).Draw(t, "tensors")
}

func TestRequestsSurviveREST(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := &openinference.Request{
			ID:         rapid.String().Draw(t, "id"),
			Parameters: openinference.Parameters{"a": rapid.Int64().Draw(t, "a"), "b": true, "c": rapid.String().Draw(t, "c")},
			Inputs:     anyTensors(t),
			Outputs:    []openinference.RequestedOutput{{Name: "y"}},
		}
		body, header, err := openinference.AppendRequest(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		if header == 0 {
			header = len(body)
		}
		out, err := openinference.DecodeRequest(body, header)
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if out.ID != in.ID || !reflect.DeepEqual(out.Parameters, in.Parameters) || out.Outputs[0].Name != "y" {
			t.Fatalf("%+v became %+v", in, out)
		}
		sameTensors(t, in.Inputs, out.Inputs)
	})
}

func TestResponsesSurviveREST(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := &openinference.Response{Model: "acme/x", Version: "1.0.0", Outputs: anyTensors(t)}
		body, header, err := openinference.AppendResponse([]byte("before"), in)
		if err != nil {
			t.Fatal(err)
		}
		body = body[len("before"):]
		if header == 0 {
			header = len(body)
		}
		out, err := openinference.DecodeResponse(body, header)
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		sameTensors(t, in.Outputs, out.Outputs)
	})
}

func TestRequestsSurviveGRPC(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := &openinference.Request{ID: "7", Inputs: anyTensors(t), Parameters: openinference.Parameters{"a": 1.5, "b": uint64(1 << 63)}}
		out, err := openinference.RequestFromProto(overTheWire(t, in.Proto("acme/x", "1.0.0"), &pb.ModelInferRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(out.Parameters, in.Parameters) {
			t.Fatalf("parameters are %v, want %v", out.Parameters, in.Parameters)
		}
		sameTensors(t, in.Inputs, out.Inputs)
	})
}

func TestResponsesSurviveGRPCWithTypedContents(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := &openinference.Response{Model: "acme/x", Outputs: anyTensors(t)}
		out, err := openinference.ResponseFromProto(overTheWire(t, in.ProtoTyped(), &pb.ModelInferResponse{}))
		if err != nil {
			t.Fatal(err)
		}
		sameTensors(t, in.Outputs, out.Outputs)
	})
}

func overTheWire[M proto.Message](t *rapid.T, sent, received M) M {
	text, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(text, received); err != nil {
		t.Fatal(err)
	}
	return received
}

func sameTensors(t *rapid.T, want, got []openinference.Tensor) {
	if len(got) != len(want) {
		t.Fatalf("%d tensors became %d", len(want), len(got))
	}
	for i := range want {
		w, g := &want[i], &got[i]
		same := w.Name == g.Name && w.Datatype == g.Datatype && bytes.Equal(w.Data, g.Data) &&
			openinference.FormatShape(w.Shape) == openinference.FormatShape(g.Shape)
		if !same {
			t.Fatalf("%+v became %+v", w, g)
		}
	}
}

func TestAppendResponseRefusesBytesThatJSONCannotCarry(t *testing.T) {
	t.Parallel()
	output := openinference.Tensor{Name: "y", Datatype: openinference.Bytes, Shape: []int64{1}, Data: openinference.AppendString(nil, "\xff")}
	_, _, err := openinference.AppendResponse(nil, &openinference.Response{Outputs: []openinference.Tensor{output}})
	faulttest.AssertKind(t, err, fault.Unprocessable, "y")
}

func TestRequestFromProtoNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	contents := &pb.InferTensorContents{IntContents: []int32{300}}
	tests := []struct {
		name  string
		input *pb.ModelInferRequest_InferInputTensor
		raw   [][]byte
		field string
	}{
		{"unknown datatype", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "FLOAT"}, nil, "x.datatype"},
		{"beyond the type", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "INT8", Shape: []int64{1}, Contents: contents}, nil, "x.contents"},
		{"FP16 without raw contents", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "FP16", Shape: []int64{1}}, nil, "x.contents"},
		{"both contents", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "INT8", Contents: contents}, [][]byte{{1}}, "x.contents"},
		{"short", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "INT32", Shape: []int64{1}}, [][]byte{{1}}, "x.data"},
		{"negative dimension", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "INT32", Shape: []int64{-1}}, [][]byte{{1}}, "x.shape"},
		{"more raw contents than inputs", &pb.ModelInferRequest_InferInputTensor{Name: "x", Datatype: "INT8"}, [][]byte{{1}, {2}}, "raw_input_contents"},
		{"no name", &pb.ModelInferRequest_InferInputTensor{Datatype: "INT8"}, [][]byte{{1}}, "name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := openinference.RequestFromProto(&pb.ModelInferRequest{
				Inputs: []*pb.ModelInferRequest_InferInputTensor{test.input}, RawInputContents: test.raw,
			})
			faulttest.AssertKind(t, err, fault.Invalid, test.field)
		})
	}
}
