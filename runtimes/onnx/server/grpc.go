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

// ServerLive says yes.
func (service) ServerLive(context.Context, *connect.Request[pb.ServerLiveRequest]) (*connect.Response[pb.ServerLiveResponse], error) {
	return connect.NewResponse(&pb.ServerLiveResponse{Live: true}), nil
}

// ServerReady reports whether the model is loaded.
func (s service) ServerReady(context.Context, *connect.Request[pb.ServerReadyRequest]) (*connect.Response[pb.ServerReadyResponse], error) {
	return connect.NewResponse(&pb.ServerReadyResponse{Ready: s.model.Load() != nil}), nil
}

// ModelReady reports whether the model is loaded; another model than the server's is not found.
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

// ModelMetadata returns the model's inputs and outputs.
func (s service) ModelMetadata(
	ctx context.Context, r *connect.Request[pb.ModelMetadataRequest],
) (*connect.Response[pb.ModelMetadataResponse], error) {
	m, err := s.loaded(r.Msg.GetName(), r.Msg.GetVersion())
	if err != nil {
		return nil, s.refusal(ctx, r, err)
	}
	return connect.NewResponse(s.modelMetadata(m, r.Msg.GetName(), r.Msg.GetVersion()).Proto()), nil
}

// ModelInfer runs the model; the answer's contents are raw if the request's are.
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

func (s service) refusal(ctx context.Context, r connect.AnyRequest, err error) error {
	f := fault.From(fault.Because(ctx, err))
	s.report(ctx, r.Spec().Procedure, f)
	return connect.NewError(connect.Code(f.Kind.Code()), sentence(f.Message))
}

// sentence is an error that says no more than its message, whatever caused it.
type sentence string

// Error returns the message.
func (s sentence) Error() string { return string(s) }
