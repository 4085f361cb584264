package resolver

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/openinference"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

// Route is where a reference leads.
type Route struct {
	Model   uuid.UUID // zero where ModelService is of an earlier release
	Version Version   // the only one of the traffic, or the one with the greatest share
	Traffic []Share
	Epoch   int64 // of the model: a route with a higher one is newer

	wire *maasv1.ResolveResponse // what it was read from
}

// Share is a version's part of the traffic, in percent.
type Share struct {
	Version ref.Version
	Weight  int
}

// Version is what the gateway knows of a version to call it.
type Version struct {
	ID            uuid.UUID
	Version       ref.Version
	Digest        ref.Digest
	Endpoint      string               // base URL of its model server; "" while it has none
	Status        api.DeploymentStatus // of its deployment
	Reason        string               // why it failed, or what it waits for
	Failure       api.FailureKind      // passing or lasting where its last start failed; else ""
	RetryAt       time.Time            // when its start is tried again, or may be asked for again; zero where nothing failed
	Runtime       string
	Deterministic bool // its results may be cached
	Inputs        []openinference.TensorMetadata
	Outputs       []openinference.TensorMetadata
	Deprecation   *Deprecation // nil where it is not deprecated
}

// Deprecation says that a version should not be used any more.
type Deprecation struct {
	Reason string
	Since  time.Time
	Sunset time.Time // zero where none is set
}

// Callable reports whether calls can be sent to the version: it has an endpoint, and is ready or idle. One that is idle, scaled to zero, is started by the
// first call.
func (v *Version) Callable() bool {
	return v.Endpoint != "" && v.Status.Serves()
}

// Resolve returns the version that a reference leads to, from the cache or from ModelService. If the version does not run, that requests its start,
// and the route's status says so. It fails with NotFound if there is none or the caller may not see it, with Gone for a retired version, and with
// Unavailable if the registry is away.
func (r *Resolver) Resolve(ctx context.Context, who auth.Principal, target ref.Target) (*Route, error) {
	if !who.MaySee(target.Model) {
		return nil, noModel(target.Model)
	}
	of := tenant{who.Tenant, who.TenantName} // less to keep for the load than the whole principal, at each call
	route, err := r.routes.Get(ctx, keyOf(who, target), func(ctx context.Context) (cache.Loaded[*Route], error) {
		route, err := r.ask(ctx, of, &maasv1.ResolveRequest{Model: target.Model.String(), Ref: target.Selector.String()})
		if err != nil {
			return cache.Loaded[*Route]{}, err
		}
		return cache.Loaded[*Route]{Value: route, Epoch: route.Epoch, Keep: route.Version.Callable()}, nil
	})
	switch {
	case err != nil:
		return nil, err
	case who.Sees(target.Model, route.Model):
		return route, nil
	case route.Model == uuid.Nil:
		return nil, fault.New(fault.Unavailable, "The registry is being brought up to date; try again.")
	default:
		return nil, noModel(target.Model)
	}
}

// noModel returns the NotFound fault of a model.
func noModel(m ref.Model) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", m))
}

// Missing reports that nobody answers at a version's endpoint. It deletes the version, and the reference that led to it, from the cache, and tells
// ModelService, whose errors are ignored: a later call that finds nobody tells it again.
func (r *Resolver) Missing(ctx context.Context, who auth.Principal, target ref.Target, v *Version) {
	exact := ref.Target{Model: target.Model, Selector: ref.Exact(v.Version)}
	r.routes.Forget(ctx, keyOf(who, target))
	r.routes.Forget(ctx, keyOf(who, exact))
	in := &maasv1.ResolveRequest{Model: exact.Model.String(), Ref: exact.Selector.String(), Unreachable: v.Endpoint}
	_, _ = r.ask(ctx, tenant{who.Tenant, who.TenantName}, in) // the next call that finds nobody tells it again
}

// keyOf returns the cache key of a route. Its scope is the model, since writers announce changes by model.
func keyOf(who auth.Principal, target ref.Target) cache.Key {
	return cache.TenantKey(target.Model.String(), who.Tenant, target.Selector.String())
}

// ask returns ModelService's answer to the request. It fails as call does, and with Internal if the answer is malformed.
func (r *Resolver) ask(ctx context.Context, of tenant, in *maasv1.ResolveRequest) (*Route, error) {
	out, err := call(ctx, r, r.resolve, of, in, r.models.Resolve, maasv1connect.ModelServiceResolveProcedure)
	if err != nil {
		return nil, err
	}
	route, err := routeOf(out)
	if err != nil {
		return nil, fault.New(fault.Internal, "The registry's answer is malformed.", fault.Op("resolver.Resolve"), fault.Cause(err))
	}
	return route, nil
}
