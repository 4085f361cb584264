package identity

import (
	"context"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

// Service is maas.v1.IdentityService. It returns faults as they are: whoever mounts it turns them into gRPC's errors, and lets nobody but
// the gateway call.
type Service struct{ keys *Keys }

// NewService returns the service.
func NewService(keys *Keys) *Service { return &Service{keys} }

// VerifyKey returns the principal of an API key, with its scopes, limits and expiry. It fails as Keys.Verify does.
func (s *Service) VerifyKey(ctx context.Context, in *connect.Request[maasv1.VerifyKeyRequest]) (*connect.Response[maasv1.VerifyKeyResponse], error) {
	key, err := s.keys.Verify(ctx, in.Msg.GetId(), in.Msg.GetHash())
	if err != nil {
		return nil, err
	}
	out := &maasv1.VerifyKeyResponse{
		TenantId: key.Tenant.String(), Tenant: string(key.TenantName), UserId: key.User.String(),
		Roles: texts(key.Roles), Scopes: texts(key.Scopes),
	}
	if key.Limits != nil {
		limit(out, *key.Limits)
	}
	if key.ExpiresAt != nil {
		out.ExpiresAt = timestamppb.New(*key.ExpiresAt)
	}
	return connect.NewResponse(out), nil
}

// limit writes a key's limits into the answer, twice: for today's gateways, and as Models for gateways of an earlier release. Those take an empty
// list of Models for no limit, so a key that allows no model gets one empty name, which they refuse.
func limit(out *maasv1.VerifyKeyResponse, limits auth.Limits) {
	out.Limited = true
	for _, m := range limits.Models {
		out.BoundModels = append(out.BoundModels, &maasv1.BoundModel{Id: m.ID.String(), Name: string(m.Name)})
		out.Models = append(out.Models, string(m.Name))
	}
	for _, pattern := range limits.Patterns {
		out.Patterns = append(out.Patterns, pattern.String())
		out.Models = append(out.Models, pattern.Name)
	}
	if len(out.GetModels()) == 0 {
		out.Models = []string{""}
	}
}

// Revocations returns what was revoked since the time in the request, or all revocations if it has none. It fails with Invalid for a malformed
// time.
func (s *Service) Revocations(
	ctx context.Context, in *connect.Request[maasv1.RevocationsRequest],
) (*connect.Response[maasv1.RevocationsResponse], error) {
	var since time.Time
	if asked := in.Msg.GetSince(); asked != nil {
		if err := asked.CheckValid(); err != nil {
			return nil, fault.New(fault.Invalid, "since is no time", fault.Field("since"), fault.Cause(err))
		}
		since = asked.AsTime()
	}
	list, asOf, err := Revocations(ctx, s.keys.db, since)
	if err != nil {
		return nil, err
	}
	out := &maasv1.RevocationsResponse{AsOf: timestamppb.New(asOf)}
	for _, r := range list {
		out.Revocations = append(out.Revocations, &maasv1.Revocation{
			Kind: kindOf(r.Kind), Id: r.ID, Before: timestamppb.New(r.Before), ExpiresAt: timestamppb.New(r.Expires),
		})
	}
	return connect.NewResponse(out), nil
}

// kindOf converts what a revocation names to its protobuf value. It returns KIND_UNSPECIFIED for an unknown one.
func kindOf(kind auth.Revoked) maasv1.Revocation_Kind {
	switch kind {
	case auth.RevokedSession:
		return maasv1.Revocation_KIND_SESSION
	case auth.RevokedUser:
		return maasv1.Revocation_KIND_USER
	case auth.RevokedTenant:
		return maasv1.Revocation_KIND_TENANT
	case auth.RevokedKey:
		return maasv1.Revocation_KIND_KEY
	default:
		return maasv1.Revocation_KIND_UNSPECIFIED
	}
}
