package resolver

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/openinference"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

const (
	// routesBytes bounds the routes that a process keeps: some 16,000.
	routesBytes = 32 << 20
	// routeSize is a route's own size, about; its tensors are counted.
	routeSize  = 1500
	tensorSize = 150
)

// openRoutes returns the cache of routes, over the process's store. Routes are kept in the form in which ModelService sent them.
func openRoutes(e *env.Env) (*cache.Cache[*Route], error) {
	store, err := cache.Open(e)
	if err != nil {
		return nil, err
	}
	return cache.New(store, cache.Kind[*Route]{
		Name: "route", Bytes: routesBytes,
		Encode: func(r *Route) ([]byte, error) { return proto.Marshal(r.wire) },
		Decode: decodeRoute,
		Size:   (*Route).size,
	})
}

// decodeRoute decodes a route of the cache. It fails if it is malformed or from an earlier release.
func decodeRoute(text []byte) (*Route, error) {
	m := &maasv1.ResolveResponse{}
	if err := proto.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("resolver: a route in the cache: %w", err)
	}
	route, err := routeOf(m)
	if err == nil && route.Model == uuid.Nil {
		return nil, errors.New("resolver: a route in the cache is of an earlier release")
	}
	return route, err
}

// size returns about how many bytes the route takes, 0 for nil.
func (r *Route) size() int {
	if r == nil {
		return 0
	}
	return routeSize + tensorSize*(len(r.Version.Inputs)+len(r.Version.Outputs))
}

// routeOf converts ModelService's answer to a route. It fails if an id or a version in it is malformed.
func routeOf(m *maasv1.ResolveResponse) (*Route, error) {
	version, err := versionOf(m)
	if err != nil {
		return nil, err
	}
	route := &Route{Version: version, Epoch: m.GetEpoch(), wire: m}
	if id := m.GetModelId(); id != "" {
		if route.Model, err = uuid.Parse(id); err != nil {
			return nil, err
		}
	}
	for _, share := range m.GetTraffic() {
		v, err := ref.ParseVersion(share.GetVersion())
		if err != nil {
			return nil, err
		}
		route.Traffic = append(route.Traffic, Share{v, int(share.GetWeight())})
	}
	return route, nil
}

// versionOf returns the version in ModelService's answer. It fails if its id, version or digest is malformed.
func versionOf(m *maasv1.ResolveResponse) (v Version, err error) {
	v = Version{
		Endpoint: m.GetEndpoint(), Status: api.DeploymentStatus(m.GetStatus()), Reason: m.GetReason(), Runtime: m.GetRuntime(), Deterministic: m.GetDeterministic(),
		Inputs: tensorsOf(m.GetInputs()), Outputs: tensorsOf(m.GetOutputs()), Failure: api.FailureKind(m.GetFailure()),
	}
	if at := m.GetRetryAt(); at != nil {
		v.RetryAt = at.AsTime()
	}
	if v.ID, err = uuid.Parse(m.GetVersionId()); err != nil {
		return v, err
	}
	if v.Version, err = ref.ParseVersion(m.GetVersion()); err != nil {
		return v, err
	}
	if v.Digest, err = ref.ParseDigest(m.GetDigest()); err != nil {
		return v, err
	}
	if d := m.GetDeprecation(); d != nil {
		v.Deprecation = &Deprecation{Reason: d.GetReason(), Since: d.GetSince().AsTime()}
		if d.GetSunset() != nil {
			v.Deprecation.Sunset = d.GetSunset().AsTime()
		}
	}
	return v, nil
}

// tensorsOf converts the description of a version's inputs or outputs.
func tensorsOf(list []*maasv1.Tensor) []openinference.TensorMetadata {
	out := make([]openinference.TensorMetadata, len(list))
	for i, t := range list {
		out[i] = openinference.TensorMetadata{Name: t.GetName(), Datatype: openinference.Datatype(t.GetDatatype()), Shape: t.GetShape()}
	}
	return out
}
