package server

import (
	"context"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// service is the server as inference.GRPCInferenceService.
type service struct{ *Server }

// ServerLive always reports that the server lives.
func (service) ServerLive(context.Context, *connect.Request[pb.ServerLiveRequest]) (*connect.Response[pb.ServerLiveResponse], error) {
	return connect.NewResponse(&pb.ServerLiveResponse{Live: true}), nil
}

// ServerReady reports whether the model is loaded.
func (s service) ServerReady(context.Context, *connect.Request[pb.ServerReadyRequest]) (*connect.Response[pb.ServerReadyResponse], error) {
	return connect.NewResponse(&pb.ServerReadyResponse{Ready: s.model.Load() != nil}), nil
}

// ModelReady reports whether the model is loaded. It fails with NotFound if another model or version is asked for.
func (s service) ModelReady(ctx context.Context, r *connect.Request[pb.ModelReadyRequest]) (*connect.Response[pb.ModelReadyResponse], error) {
	_, err := s.loaded(r.Msg.GetName(), r.Msg.GetVersion())
	if err != nil && !fault.Is(err, fault.Unavailable) {
		return nil, s.refusal(ctx, r, err)
	}
	return connect.NewResponse(&pb.ModelReadyResponse{Ready: err == nil}), nil
}

// ServerMetadata names the server.
func (s service) ServerMetadata(
	context.Context, *connect.Request[pb.ServerMetadataRequest],
) (*connect.Response[pb.ServerMetadataResponse], error) {
	m := s.serverMetadata()
	return connect.NewResponse(&pb.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}), nil
}

// ModelMetadata returns the model's inputs and outputs. It fails with Unavailable while the model is not loaded, and with NotFound for another
// model.
func (s service) ModelMetadata(
	ctx context.Context, r *connect.Request[pb.ModelMetadataRequest],
) (*connect.Response[pb.ModelMetadataResponse], error) {
	m, err := s.loaded(r.Msg.GetName(), r.Msg.GetVersion())
	if err != nil {
		return nil, s.refusal(ctx, r, err)
	}
	return connect.NewResponse(s.modelMetadata(m, r.Msg.GetName(), r.Msg.GetVersion()).Proto()), nil
}

// ModelInfer runs the model, for MaxTimeout at most. The answer has raw contents if the request has.
func (s service) ModelInfer(ctx context.Context, r *connect.Request[pb.ModelInferRequest]) (*connect.Response[pb.ModelInferResponse], error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.MaxTimeout)
	defer cancel()
	response, err := s.runProto(ctx, r.Msg)
	switch {
	case err != nil:
		return nil, s.refusal(ctx, r, err)
	case len(r.Msg.GetRawInputContents()) > 0:
		return connect.NewResponse(response.Proto()), nil
	default:
		return connect.NewResponse(response.ProtoTyped()), nil
	}
}

// runProto decodes the request, runs the model and returns the answer. Its errors are faults.
func (s service) runProto(ctx context.Context, r *pb.ModelInferRequest) (*openinference.Response, error) {
	m, err := s.loaded(r.GetModelName(), r.GetModelVersion())
	if err != nil {
		return nil, err
	}
	request, err := openinference.RequestFromProto(r)
	if err != nil {
		return nil, err
	}
	outputs, err := m.Infer(ctx, request)
	if err != nil {
		return nil, err
	}
	return &openinference.Response{Model: r.GetModelName(), Version: s.versionOf(r.GetModelVersion()), ID: r.GetId(), Outputs: outputs}, nil
}

// refusal logs err and returns it as an error of gRPC, with the code of its kind and its message alone.
func (s service) refusal(ctx context.Context, r connect.AnyRequest, err error) error {
	f := fault.From(fault.Because(ctx, err))
	s.report(ctx, r.Spec().Procedure, f)
	return connect.NewError(connect.Code(f.Kind.Code()), sentence(f.Message))
}

// sentence is an error that says no more than its message, whatever caused it.
type sentence string

// Error returns the message.
func (s sentence) Error() string { return string(s) }
