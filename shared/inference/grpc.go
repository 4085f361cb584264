package inference

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

// GRPC returns inference.GRPCInferenceService and the prefix of its procedures. A model's name there is "tenant/model" and its version any
// reference. The service returns faults as they are: the interceptors turn them into gRPC's errors.
func (g *Gateway) GRPC(options ...connect.HandlerOption) (prefix string, service http.Handler) {
	options = append(options, decoding.WithReadMaxBytes(maxMessage)) // ModelInfer reads its messages by itself
	prefix, handler := inferenceconnect.NewGRPCInferenceServiceHandler(procedures{g}, options...)
	return prefix, deferred(handler)
}

type procedures struct{ *Gateway }

// ServerLive always answers that the server is live.
func (procedures) ServerLive(context.Context, *connect.Request[pb.ServerLiveRequest]) (*connect.Response[pb.ServerLiveResponse], error) {
	return connect.NewResponse(&pb.ServerLiveResponse{Live: true}), nil
}

// ServerReady reports whether the gateway can authenticate calls.
func (p procedures) ServerReady(context.Context, *connect.Request[pb.ServerReadyRequest]) (*connect.Response[pb.ServerReadyResponse], error) {
	return connect.NewResponse(&pb.ServerReadyResponse{Ready: p.resolver.Ready() == nil}), nil
}

// ServerMetadata returns the server's name, version and extensions.
func (procedures) ServerMetadata(context.Context, *connect.Request[pb.ServerMetadataRequest]) (*connect.Response[pb.ServerMetadataResponse], error) {
	m := serverMetadata()
	return connect.NewResponse(&pb.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}), nil
}

// ModelReady reports whether the version can be called. If it does not run, it requests its start. It fails with Invalid for a malformed name, and
// as resolver.Resolve does.
func (p procedures) ModelReady(ctx context.Context, in *connect.Request[pb.ModelReadyRequest]) (*connect.Response[pb.ModelReadyResponse], error) {
	target, err := targetNamed(in.Msg.GetName(), in.Msg.GetVersion())
	if err != nil {
		return nil, err
	}
	route, err := p.resolver.Resolve(ctx, auth.PrincipalFrom(ctx), target)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&pb.ModelReadyResponse{Ready: route.Version.Callable()}), nil
}

// ModelMetadata returns the inputs and outputs of a version, whether or not it runs. It fails with Invalid for a malformed name, and as
// resolver.Resolve does.
func (p procedures) ModelMetadata(ctx context.Context, in *connect.Request[pb.ModelMetadataRequest]) (*connect.Response[pb.ModelMetadataResponse], error) {
	target, err := targetNamed(in.Msg.GetName(), in.Msg.GetVersion())
	if err != nil {
		return nil, err
	}
	route, err := p.resolver.Resolve(ctx, auth.PrincipalFrom(ctx), target)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(metadataOf(target.Model, &route.Version).Proto()), nil
}

// ModelInfer runs a model. The model server is called over REST with binary tensors, which are not copied: every server speaks that, and calls of both
// protocols wait in one queue and share one cache.
func (p procedures) ModelInfer(ctx context.Context, in *connect.Request[pb.ModelInferRequest]) (*connect.Response[pb.ModelInferResponse], error) {
	m, ok := ctx.Value(messageKey{}).(*message)
	if !ok {
		return nil, fault.New(fault.Internal, "The message is missing.", fault.Op("inference.ModelInfer"))
	}
	g := &grpcCall{Gateway: p.Gateway, m: m, out: connect.NewResponse(&pb.ModelInferResponse{})}
	c := &g.call
	if err := p.prepare(c, in.Header(), auth.PrincipalFrom(ctx)); err != nil {
		return nil, err
	}
	c.unary = true
	// Connect encodes and writes the answer after this has returned.
	m.work = &c.work
	m.later = append(m.later, c.work.End, c.memory.leave)
	if end, ok := ctx.Deadline(); ok { // grpc-timeout's
		c.timeout = min(c.timeout, time.Until(end).Round(time.Millisecond))
	}
	if err := p.serve(ctx, c, g); err != nil {
		return nil, err
	}
	return g.out, nil
}

// grpcCall is a call over gRPC, whose message says what is called, mostly at its head.
type grpcCall struct {
	*Gateway

	call  call
	m     *message
	named modelNames // at the head
	out   *connect.Response[pb.ModelInferResponse]
}

// target implements protocol. It reads the version that the head of the message names; known is false if the head has no names. It fails with
// Invalid for a malformed name.
func (p *grpcCall) target(ctx context.Context) (known bool, err error) {
	if err := p.m.open(ctx, &p.call, p.config.MaxBody); err != nil {
		return false, err
	}
	if p.named, known = p.m.names(); known {
		p.call.target, err = targetNamed(p.named.model, p.named.version)
	}
	return known, err
}

// body implements protocol. It decodes the message and encodes the request for the model server. If the message names another version than its head
// did (the last of repeated fields counts), that version is still to be resolved. It fails with the error of reading, or with Invalid for a
// malformed name.
func (p *grpcCall) body(ctx context.Context) error {
	c := &p.call
	defer c.work.End()
	request, named, typed, err := p.m.read(ctx, p.config.MaxBody, c)
	if err != nil {
		return err
	}
	if c.version == nil || named != p.named {
		c.version = nil
		if c.target, err = targetNamed(named.model, named.version); err != nil {
			return err
		}
	}
	c.typed = typed
	return c.encode(request)
}

// describe implements protocol.
func (p *grpcCall) describe(r *report) { r.setHeader(p.out.Header()) }

// respond implements protocol. It decodes the answer and keeps its message until the procedure returns. The answer is closed when the message has
// been written.
func (p *grpcCall) respond(ctx context.Context, a *answer, r *report) error {
	c := &p.call
	p.m.later = append(p.m.later, a.close)
	id := c.request.ID
	message, length, err := p.encodeAnswer(ctx, a)
	p.count(ctx, c, r, length, err)
	if err != nil {
		return err
	}
	message.ModelName, message.ModelVersion, message.Id = c.target.Model.String(), r.version.Version.String(), id
	p.out.Msg = message
	return nil
}

// encode makes the call's body out of a request, with binary tensors and for a binary answer. The tensors are not copied. It fails as loan.take
// does.
func (c *call) encode(request *openinference.Request) error {
	for i := range request.Inputs {
		request.Inputs[i].Binary = true
	}
	if request.Parameters == nil {
		request.Parameters = openinference.Parameters{}
	}
	request.Parameters["binary_data_output"] = true
	if err := c.memory.take(openinference.HeadCost(request)); err != nil {
		return err
	}
	parts, header, err := openinference.RequestParts(request)
	c.setBody(parts)
	c.header, c.request = headerOf(header), request
	return err
}

// encodeAnswer reads the answer and returns it as a message, with the answer's size in bytes. It first drops the request, and changes the call's
// loan to what the message takes. The slot in which a large answer is decoded stays with the call until the message has been encoded.
func (p *grpcCall) encodeAnswer(ctx context.Context, a *answer) (out *pb.ModelInferResponse, size int64, err error) {
	c := &p.call
	response, size, cost, err := a.decode(ctx, p.config.MaxBody, c)
	if err != nil {
		return nil, size, err
	}
	c.body, c.request = nil, nil
	encode, encoded := response.Proto, response.Size()
	if p.m.json {
		encoded *= jsonGrowth
	}
	if c.typed {
		encode = response.ProtoTyped
		encoded += typedGrowth * response.Size()
	}
	if err := c.memory.keep(cost + encoded); err != nil {
		return nil, size, unfit(err)
	}
	return encode(), size, nil
}

// typedGrowth bounds what typed contents take in memory to what they take as raw ones: four times for INT8, whose values are of 32 bits, and strings
// are of four bytes there, and of 24 here.
const typedGrowth = 6

// jsonGrowth bounds what connect's JSON takes while it is written, to what it is written of: a byte is five characters as a number, and a buffer grows.
const jsonGrowth = 15

// targetNamed parses a model, "tenant/model", and a selector of its version. It fails with Invalid if either is malformed.
func targetNamed(model, selector string) (t ref.Target, err error) {
	if t.Model, err = ref.ParseModel(model); err != nil {
		return t, err
	}
	t.Selector, err = ref.ParseSelector(selector)
	return t, err
}

// decode reads and decodes the answer. It returns its size, and the memory that the answer and the response take beyond the answer's own loan. It
// fails with Upstream if the answer is malformed or longer than limit bytes, and with TooLarge if it exceeds the caller's share of the memory.
func (a *answer) decode(ctx context.Context, limit int64, c *call) (response *openinference.Response, size, cost int64, err error) {
	body := a.whole
	if a.rest != nil {
		body, err = c.memory.read(a.rest, a.length, limit)
		a.close() // the model server has answered: its slot is free
		a.rest = nil
		if errors.Is(err, io.ErrShortBuffer) {
			return nil, 0, 0, fault.New(fault.Upstream, fmt.Sprintf(
				"The model's answer is longer than the %d bytes that are read of one over gRPC (MAAS_INFER_MAX_BODY); ask over REST, where it streams.", limit))
		} else if err != nil {
			return nil, 0, 0, unfit(cut(ctx, err))
		}
	}
	header, err := openinference.ParseHeaderLength(a.header, len(body))
	if err != nil {
		return nil, 0, 0, malformed(err)
	}
	if err := c.work.Begin(ctx, int64(len(body))); err != nil {
		return nil, 0, 0, err
	}
	cost = openinference.JSONCost(body[:header])
	if err := c.memory.take(cost); err != nil {
		return nil, 0, 0, unfit(err)
	}
	if response, err = openinference.DecodeResponse(body, header); err != nil {
		return nil, 0, 0, malformed(err)
	}
	if a.held == nil {
		cost += int64(cap(body))
	}
	return response, int64(len(body)), cost, nil
}

// unfit adds the advice to use REST to an error of kind TooLarge, which means that an answer exceeds the caller's
// memory limit. It returns any other error as it is.
func unfit(err error) error {
	if !fault.Is(err, fault.TooLarge) {
		return err
	}
	return fault.New(fault.TooLarge, "The model's answer is too large for gRPC; ask over REST, where it streams. "+fault.From(err).Message, fault.Cause(err))
}

// malformed returns the Upstream fault of an answer that cannot be parsed.
func malformed(err error) error {
	return fault.New(fault.Upstream, "The model server's answer is malformed.", fault.Cause(err))
}
