package inference_test

import (
	"context"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

const service = "/inference.GRPCInferenceService/"

// invoke calls a procedure with gRPC's own client.
func (w *world) invoke(ctx context.Context, procedure string, in, out any, metadatum ...string) (metadata.MD, error) {
	w.t.Helper()
	conn, err := grpc.NewClient(w.url[len("http://"):], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	ctx = metadata.AppendToOutgoingContext(ctx, append([]string{"authorization", "Bearer " + w.token}, metadatum...)...)
	var header metadata.MD
	err = conn.Invoke(ctx, service+procedure, in, out, grpc.Header(&header))
	return header, err
}

func inferRequest(model, version string) *pb.ModelInferRequest {
	return &pb.ModelInferRequest{
		ModelName: model, ModelVersion: version, Id: "7",
		Inputs:           []*pb.ModelInferRequest_InferInputTensor{{Name: "x", Datatype: "FP32", Shape: []int64{2}}},
		RawInputContents: [][]byte{append(appendFloat32(nil, 1), appendFloat32(nil, 2)...)},
	}
}

func TestACallOverGRPCIsAnsweredByTheModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := &pb.ModelInferResponse{}

	header, err := w.invoke(t.Context(), "ModelInfer", inferRequest("acme/adder", "latest"), out)

	if err != nil {
		t.Fatal(err)
	}
	if y := float32s(out.GetRawOutputContents()[0]); len(y) != 2 || y[0] != 2 || y[1] != 3 {
		t.Errorf("y is %v", y)
	}
	if out.GetModelName() != "acme/adder" || out.GetModelVersion() != "1.0.0" || out.GetId() != "7" {
		t.Errorf("the answer is %v", out)
	}
	if header.Get("x-model-version")[0] != "1.0.0" {
		t.Errorf("the headers are %v", header)
	}
}

func TestTypedContentsAreAnsweredTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in, out := inferRequest("acme/adder", ""), &pb.ModelInferResponse{}
	in.RawInputContents = nil
	in.Inputs[0].Contents = &pb.InferTensorContents{Fp32Contents: []float32{1, 2}}

	if _, err := w.invoke(t.Context(), "ModelInfer", in, out); err != nil {
		t.Fatal(err)
	}

	if y := out.GetOutputs()[0].GetContents().GetFp32Contents(); len(y) != 2 || y[1] != 3 {
		t.Errorf("the answer is %v", out)
	}
}

func TestModelsAreDescribedOverGRPC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	meta, ready := &pb.ModelMetadataResponse{}, &pb.ModelReadyResponse{}

	if _, err := w.invoke(t.Context(), "ModelMetadata", &pb.ModelMetadataRequest{Name: "acme/adder"}, meta); err != nil {
		t.Fatal(err)
	}
	if _, err := w.invoke(t.Context(), "ModelReady", &pb.ModelReadyRequest{Name: "acme/adder"}, ready); err != nil {
		t.Fatal(err)
	}

	if meta.GetName() != "acme/adder" || meta.GetInputs()[0].GetName() != "x" || !ready.GetReady() {
		t.Errorf("metadata is %v, ready %v", meta, ready)
	}
}

func TestFailuresOverGRPCHaveTheirCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := inferRequest("acme/adder", "")
	wrong.Inputs[0].Name = "z"
	short := inferRequest("acme/adder", "")
	short.RawInputContents = [][]byte{short.GetRawInputContents()[0][:5]}
	for name, test := range map[string]struct {
		in   *pb.ModelInferRequest
		code codes.Code
	}{
		"unknown model":    {inferRequest("acme/nobody", ""), codes.NotFound},
		"malformed name":   {inferRequest("adder", ""), codes.InvalidArgument},
		"model refuses":    {wrong, codes.InvalidArgument},
		"contents too few": {short, codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := w.invoke(t.Context(), "ModelInfer", test.in, &pb.ModelInferResponse{})
			if status.Code(err) != test.code {
				t.Errorf("the error is %v, want %s", err, test.code)
			}
		})
	}
}

func TestADeadlineOverGRPCEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.model.hold()()

	_, err := w.invoke(t.Context(), "ModelInfer", inferRequest("acme/adder", ""), &pb.ModelInferResponse{}, "x-request-timeout", "100")

	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the error is %v", err)
	}
	eventually(t, func() bool { return w.model.ended.Load() == 1 })
}

func TestBothProtocolsAreOnOnePort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	w.ask(path, question).want(t, http.StatusOK)
	if _, err := w.invoke(t.Context(), "ModelInfer", inferRequest("acme/adder", "1.0.0"), &pb.ModelInferResponse{}); err != nil {
		t.Error(err)
	}
}
