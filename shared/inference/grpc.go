package inference

import (
	"context"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
	"github.com/17882237881/MaaS/shared/ref"
)

// GRPC gives inference.GRPCInferenceService and the prefix of its procedures. A model's name there is "tenant/model" and its version any
// reference. The service returns faults as they are: the interceptors turn them into gRPC's errors.
func (g *Gateway) GRPC(options ...connect.HandlerOption) (prefix string, service http.Handler) {
	options = append(options, connect.WithReadMaxBytes(int(g.config.MaxBody)))
	prefix, handler := inferenceconnect.NewGRPCInferenceServiceHandler(procedures{g}, options...)
	return prefix, g.bounded(handler)
}

type procedures struct{ *Gateway }

// ServerLive says that the process answers.
func (procedures) ServerLive(context.Context, *connect.Request[pb.ServerLiveRequest]) (*connect.Response[pb.ServerLiveResponse], error) {
	return connect.NewResponse(&pb.ServerLiveResponse{Live: true}), nil
}

// ServerReady says whether calls can be let in.
func (p procedures) ServerReady(context.Context, *connect.Request[pb.ServerReadyRequest]) (*connect.Response[pb.ServerReadyResponse], error) {
	return connect.NewResponse(&pb.ServerReadyResponse{Ready: p.registry.Ready() == nil}), nil
}

// ServerMetadata says what this server is.
func (procedures) ServerMetadata(context.Context, *connect.Request[pb.ServerMetadataRequest]) (*connect.Response[pb.ServerMetadataResponse], error) {
	m := serverMetadata()
	return connect.NewResponse(&pb.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}), nil
}

// ModelReady says whether the version takes calls, and asks for its start if it does not run.
func (p procedures) ModelReady(ctx context.Context, in *connect.Request[pb.ModelReadyRequest]) (*connect.Response[pb.ModelReadyResponse], error) {
	target, err := targetNamed(in.Msg.GetName(), in.Msg.GetVersion())
	if err != nil {
		return nil, err
	}
	route, err := p.registry.Resolve(ctx, auth.PrincipalFrom(ctx), target)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&pb.ModelReadyResponse{Ready: route.Version.Callable()}), nil
}

// ModelMetadata gives a version's inputs and outputs.
func (p procedures) ModelMetadata(ctx context.Context, in *connect.Request[pb.ModelMetadataRequest]) (*connect.Response[pb.ModelMetadataResponse], error) {
	target, err := targetNamed(in.Msg.GetName(), in.Msg.GetVersion())
	if err != nil {
		return nil, err
	}
	route, err := p.registry.Resolve(ctx, auth.PrincipalFrom(ctx), target)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(metadataOf(target.Model, &route.Version).Proto()), nil
}

// ModelInfer runs a model. The model server is called over REST with binary tensors, which copies each tensor once: every server speaks
// that, and calls of both protocols wait in one line and share one cache.
func (p procedures) ModelInfer(ctx context.Context, in *connect.Request[pb.ModelInferRequest]) (*connect.Response[pb.ModelInferResponse], error) {
	c, err := p.callFrom(ctx, in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, done, err := p.run(ctx, c)
	if err != nil {
		p.count(ctx, c, done, 0, err)
		return nil, err
	}
	held := loan{of: p.memory}
	defer held.end()
	response, size, err := a.decode(ctx, p.config.MaxBody, &held)
	p.count(ctx, c, done, size, err)
	if err != nil {
		return nil, err
	}
	response.Model, response.Version, response.ID = c.target.Model.String(), done.version.Version.String(), in.Msg.GetId()
	out := connect.NewResponse(protoOf(response, in.Msg))
	done.setHeader(out.Header())
	return out, nil
}

// protoOf answers with typed contents who asked with them, and with raw ones all others.
func protoOf(response *openinference.Response, in *pb.ModelInferRequest) *pb.ModelInferResponse {
	if len(in.GetRawInputContents()) == 0 && len(in.GetInputs()) > 0 {
		return response.ProtoTyped()
	}
	return response.Proto()
}

func (p procedures) callFrom(ctx context.Context, in *connect.Request[pb.ModelInferRequest]) (*call, error) {
	target, err := targetNamed(in.Msg.GetModelName(), in.Msg.GetModelVersion())
	if err != nil {
		return nil, err
	}
	c, err := p.newCall(in.Header(), auth.PrincipalFrom(ctx), target)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok { // grpc-timeout's
		c.timeout = min(c.timeout, time.Until(end).Round(time.Millisecond))
	}
	request, err := openinference.RequestFromProto(in.Msg)
	if err != nil {
		return nil, err
	}
	for i := range request.Inputs {
		request.Inputs[i].Binary = true
	}
	if request.Parameters == nil {
		request.Parameters = openinference.Parameters{}
	}
	request.Parameters["binary_data_output"] = true
	body, header, err := openinference.AppendRequest(nil, request)
	c.body, c.header, c.request = body, headerOf(header), request
	return c, err
}

func targetNamed(model, selector string) (t ref.Target, err error) {
	if t.Model, err = ref.ParseModel(model); err != nil {
		return t, err
	}
	t.Selector, err = ref.ParseSelector(selector)
	return t, err
}

// decode reads the answer, of at most limit bytes, and gives its size.
func (a *answer) decode(ctx context.Context, limit int64, held *loan) (response *openinference.Response, size int64, err error) {
	body := a.whole
	if a.rest != nil {
		defer a.rest.Close()
		if body, err = io.ReadAll(held.reader(io.LimitReader(a.rest, limit+1))); err != nil {
			return nil, 0, cut(ctx, err)
		}
		if int64(len(body)) > limit {
			return nil, 0, fault.New(fault.Upstream, "The model's answer is too long for gRPC; ask over REST, where it streams.")
		}
	}
	header, err := openinference.ParseHeaderLength(a.header, len(body))
	if err != nil {
		return nil, 0, malformed(err)
	}
	if response, err = openinference.DecodeResponse(body, header); err != nil {
		return nil, 0, malformed(err)
	}
	return response, int64(len(body)), nil
}

func malformed(err error) error {
	return fault.New(fault.Upstream, "The model server's answer is malformed.", fault.Cause(err))
}
