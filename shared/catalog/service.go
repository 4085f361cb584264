package catalog

import (
	"context"
	"encoding/base64"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

// Service is ModelService over the catalog. Its methods take their caller from the context (auth.PrincipalFrom).
type Service struct{ catalog *Catalog }

var _ maasv1connect.ModelServiceHandler = Service{}

// NewService returns ModelService over the catalog.
func NewService(c *Catalog) Service { return Service{c} }

// CreateModel implements ModelService.
func (s Service) CreateModel(ctx context.Context, in *connect.Request[maasv1.CreateModelRequest]) (*connect.Response[maasv1.Model], error) {
	create, err := createModelOf(in.Msg)
	if err != nil {
		return nil, err
	}
	m, err := s.catalog.CreateModel(ctx, auth.PrincipalFrom(ctx), create)
	return answer(&m, err, modelMessage)
}

// GetModel implements ModelService.
func (s Service) GetModel(ctx context.Context, in *connect.Request[maasv1.GetModelRequest]) (*connect.Response[maasv1.Model], error) {
	name, err := ref.ParseModel(in.Msg.GetModel())
	if err != nil {
		return nil, err
	}
	m, err := s.catalog.GetModel(ctx, auth.PrincipalFrom(ctx), api.ModelRequest{Model: name})
	return answer(&m, err, modelMessage)
}

// ListModels implements ModelService.
func (s Service) ListModels(ctx context.Context, in *connect.Request[maasv1.ListModelsRequest]) (*connect.Response[maasv1.ListModelsResponse], error) {
	list, err := listModelsOf(in.Msg)
	if err != nil {
		return nil, err
	}
	found, err := s.catalog.ListModels(ctx, auth.PrincipalFrom(ctx), list)
	if err != nil {
		return nil, err
	}
	out := &maasv1.ListModelsResponse{NextPageToken: sealCursor(found.Next)}
	for i := range found.Items {
		m, err := modelMessage(&found.Items[i])
		if err != nil {
			return nil, err
		}
		out.Models = append(out.Models, m)
	}
	return connect.NewResponse(out), nil
}

// UpdateModel implements ModelService.
func (s Service) UpdateModel(ctx context.Context, in *connect.Request[maasv1.UpdateModelRequest]) (*connect.Response[maasv1.Model], error) {
	update, err := updateModelOf(in.Msg)
	if err != nil {
		return nil, err
	}
	m, err := s.catalog.UpdateModel(ctx, auth.PrincipalFrom(ctx), update)
	return answer(&m, err, modelMessage)
}

// DeleteModel implements ModelService.
func (s Service) DeleteModel(ctx context.Context, in *connect.Request[maasv1.DeleteModelRequest]) (*connect.Response[emptypb.Empty], error) {
	name, err := ref.ParseModel(in.Msg.GetModel())
	if err != nil {
		return nil, err
	}
	named := api.DeleteModelRequest{Model: name, Force: in.Msg.GetForce(), IfMatch: condition.Tag(in.Msg.GetEtag())}
	if _, err := s.catalog.DeleteModel(ctx, auth.PrincipalFrom(ctx), named); err != nil {
		return nil, err
	}
	return connect.NewResponse(&emptypb.Empty{}), nil
}

// ListVersions implements ModelService.
func (s Service) ListVersions(ctx context.Context, in *connect.Request[maasv1.ListVersionsRequest]) (*connect.Response[maasv1.ListVersionsResponse], error) {
	list, err := listVersionsOf(in.Msg)
	if err != nil {
		return nil, err
	}
	found, err := s.catalog.ListVersions(ctx, auth.PrincipalFrom(ctx), list)
	if err != nil {
		return nil, err
	}
	out := &maasv1.ListVersionsResponse{NextPageToken: sealCursor(found.Next)}
	for i := range found.Items {
		v, err := versionMessage(&found.Items[i])
		if err != nil {
			return nil, err
		}
		out.Versions = append(out.Versions, v)
	}
	return connect.NewResponse(out), nil
}

// GetVersion implements ModelService.
func (s Service) GetVersion(ctx context.Context, in *connect.Request[maasv1.GetVersionRequest]) (*connect.Response[maasv1.Version], error) {
	named, err := namedVersionOf(in.Msg.GetModel(), in.Msg.GetRef())
	if err != nil {
		return nil, err
	}
	v, err := s.catalog.GetVersion(ctx, auth.PrincipalFrom(ctx), named)
	return answer(&v, err, versionMessage)
}

// Resolve implements ModelService.
func (s Service) Resolve(ctx context.Context, in *connect.Request[maasv1.ResolveRequest]) (*connect.Response[maasv1.ResolveResponse], error) {
	named, err := namedVersionOf(in.Msg.GetModel(), in.Msg.GetRef())
	if err != nil {
		return nil, err
	}
	r, err := s.catalog.Resolve(ctx, auth.PrincipalFrom(ctx), Resolve{VersionRequest: named, Unreachable: in.Msg.GetUnreachable()})
	return answer(&r, err, resolutionMessage)
}

// answer returns the response of a call whose use case returned out and err. It fails with err, or with message's error.
func answer[Out, Message any](out *Out, err error, message func(*Out) (*Message, error)) (*connect.Response[Message], error) {
	if err != nil {
		return nil, err
	}
	m, err := message(out)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(m), nil
}

// sealCursor encodes a cursor in base64. It need not be signed: it is a place in an order that the caller may read, and checked as any input.
func sealCursor(cursor string) string { return base64.RawURLEncoding.EncodeToString([]byte(cursor)) }

// pageOf returns the page that a message asks for. Size 0 stands for the default. It fails with Invalid for a size that is not from 1 to page.MaxSize, and
// for a token that is not base64.
func pageOf(size int32, token string) (page.Request, error) {
	if size == 0 {
		size = page.DefaultSize
	}
	if size < 1 || size > page.MaxSize {
		return page.Request{}, fault.InvalidField("page_size", "must be a whole number from 1 to %d", page.MaxSize)
	}
	cursor, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return page.Request{}, badCursor()
	}
	return page.Request{Size: int(size), After: string(cursor)}, nil
}
