package openinference

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/api/fault"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

// InferProto runs a model over gRPC with the message as it is; ctx's deadline is sent along. server is the server's address. It fails as Infer
// does.
func (c *Client) InferProto(ctx context.Context, server string, in *pb.ModelInferRequest) (*pb.ModelInferResponse, error) {
	call := connect.NewClient[pb.ModelInferRequest, pb.ModelInferResponse](
		c.grpc, server+inferenceconnect.GRPCInferenceServiceModelInferProcedure,
		connect.WithGRPC(), connect.WithReadMaxBytes(int(c.maxResponse)))
	answer, err := call.CallUnary(ctx, connect.NewRequest(in))
	if err != nil {
		return nil, refusalOf(ctx, err)
	}
	return answer.Msg, nil
}

// InferGRPC runs a model over gRPC with raw contents. It fails as Infer does.
func (c *Client) InferGRPC(ctx context.Context, e Endpoint, in *Request) (*Response, error) {
	answer, err := c.InferProto(ctx, e.Server, in.Proto(e.Model, e.Version))
	if err != nil {
		return nil, err
	}
	out, err := ResponseFromProto(answer)
	if err != nil {
		return nil, nonsense(err)
	}
	return out, nil
}

// refusalOf returns the error of a gRPC call as a fault: of the kind of its code if the server sent it, and as unreachable does otherwise.
func refusalOf(ctx context.Context, err error) error {
	var refusal *connect.Error
	if !errors.As(err, &refusal) || !connect.IsWireError(err) {
		return unreachable(ctx, err)
	}
	return fault.New(kindOfServer(fault.KindOfCode(uint32(refusal.Code()))), refusal.Message(), fault.Op("openinference"), fault.Cause(err))
}
