package journeys

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

// procedure is a call of one, by a client of gRPC and by one of Connect, with headers in pairs.
type procedure struct {
	grpc    func(ctx context.Context, conn *grpc.ClientConn, headers ...string) (kind []string, err error)
	connect func(ctx context.Context, client *http.Client, server string, headers ...string) error
}

func procedureOf[In, Out any](path string, in *In) procedure {
	return procedure{
		grpc: func(ctx context.Context, conn *grpc.ClientConn, headers ...string) ([]string, error) {
			var header, trailer metadata.MD
			ctx = metadata.AppendToOutgoingContext(ctx, headers...)
			err := conn.Invoke(ctx, path, in, new(Out), grpc.Header(&header), grpc.Trailer(&trailer))
			return append(header.Get(fault.KindHeader), trailer.Get(fault.KindHeader)...), err
		},
		connect: func(ctx context.Context, client *http.Client, server string, headers ...string) error {
			request := connect.NewRequest(in)
			for i := 0; i < len(headers); i += 2 {
				request.Header().Set(headers[i], headers[i+1])
			}
			_, err := connect.NewClient[In, Out](client, server+path).CallUnary(ctx, request)
			return err
		},
	}
}

// assertKind makes the call with both clients, and checks the code and the kind that each is told.
func (p procedure) assertKind(t *testing.T, kind fault.Kind, headers ...string) {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(the.Server, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	e2etest.Must(t, err)
	defer conn.Close()
	told, err := p.grpc(t.Context(), conn, headers...)
	if uint32(status.Code(err)) != kind.Code() || len(told) != 1 || fault.Kind(told[0]) != kind {
		t.Errorf("gRPC: %v with %v, want %s", err, told, kind)
	}
	err = p.connect(t.Context(), http.DefaultClient, the.Server, headers...)
	var refusal *connect.Error
	if !errors.As(err, &refusal) || uint32(refusal.Code()) != kind.Code() || fault.Kind(refusal.Meta().Get(fault.KindHeader)) != kind {
		t.Errorf("Connect: %v, want %s", err, kind)
	}
}

func infers(model, input string) procedure {
	return procedureOf[pb.ModelInferRequest, pb.ModelInferResponse](inferenceconnect.GRPCInferenceServiceModelInferProcedure, &pb.ModelInferRequest{
		ModelName: model,
		Inputs: []*pb.ModelInferRequest_InferInputTensor{{
			Name: input, Datatype: "FP32", Shape: []int64{1, 64}, Contents: &pb.InferTensorContents{Fp32Contents: make([]float32, 64)},
		}},
	})
}

// infersSlowly returns a call of slow.onnx that takes a minute and more.
func infersSlowly(model string) procedure {
	const steps, side = 100_000, 256
	return procedureOf[pb.ModelInferRequest, pb.ModelInferResponse](inferenceconnect.GRPCInferenceServiceModelInferProcedure, &pb.ModelInferRequest{
		ModelName: model,
		Inputs: []*pb.ModelInferRequest_InferInputTensor{
			{Name: "steps", Datatype: "INT64", Shape: []int64{1}, Contents: &pb.InferTensorContents{Int64Contents: []int64{steps}}},
			{Name: "start", Datatype: "FP32", Shape: []int64{side, side}, Contents: &pb.InferTensorContents{Fp32Contents: make([]float32, side*side)}},
		},
	})
}

// assertKinds has the user's model digits called and changed wrongly in each way that a client tells from others by its code.
func assertKinds(t *testing.T, u *e2etest.User) {
	t.Helper()
	model := u.Of("digits")
	calls := []string{"authorization", "Bearer " + u.Key("inference:execute")}
	writes := []string{"authorization", "Bearer " + u.Key("model:*")}
	creates := procedureOf[maasv1.CreateModelRequest, maasv1.Model](maasv1connect.ModelServiceCreateModelProcedure, &maasv1.CreateModelRequest{Name: "digits"})
	deletes := func(etag string) procedure {
		return procedureOf[maasv1.DeleteModelRequest, emptypb.Empty](maasv1connect.ModelServiceDeleteModelProcedure, &maasv1.DeleteModelRequest{Model: model, Etag: etag})
	}

	infers(model, "inptu").assertKind(t, fault.Invalid, calls...)
	infers(model, "inptu").assertKind(t, fault.Unauthenticated)
	infers(model, "inptu").assertKind(t, fault.Forbidden, writes...)
	infers(u.Of("none"), "input").assertKind(t, fault.NotFound, calls...)
	infers("none", "input").assertKind(t, fault.Invalid, calls...)
	creates.assertKind(t, fault.Forbidden, calls...)
	creates.assertKind(t, fault.Conflict, writes...)
	deletes("").assertKind(t, fault.Conflict, writes...)
	deletes("0").assertKind(t, fault.PreconditionFailed, writes...)
}
