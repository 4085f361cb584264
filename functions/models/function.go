// Package function keeps models: /v1/models, and ModelService over gRPC, gRPC-Web and Connect.
package function

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/openapi"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// maxMessage bounds a gRPC message, in bytes, as httpapi bounds a JSON body.
const maxMessage = 1 << 20

// open returns the handler of models, cache statistics, the OpenAPI document and ModelService. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	authn, err := identity.OpenAuthenticator(ctx, e)
	if err != nil {
		return nil, err
	}
	models, err := catalog.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	cached, err := cache.Open(e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, authn)
	if err != nil {
		return nil, err
	}
	httpapi.Handle(mux, "POST /v1/models", models.CreateModel)
	httpapi.Handle(mux, "GET /v1/models", models.ListModels)
	httpapi.Handle(mux, "GET /v1/models/{t}/{m}", models.GetModel)
	httpapi.Handle(mux, "PATCH /v1/models/{t}/{m}", models.UpdateModel)
	httpapi.Handle(mux, "DELETE /v1/models/{t}/{m}", models.DeleteModel)
	httpapi.Handle(mux, "GET /v1/policy", models.GetPolicy)
	httpapi.Handle(mux, "PUT /v1/policy", models.PutPolicy)
	httpapi.Handle(mux, "GET /v1/cache/stats", stats(cached))
	httpapi.Stream(mux, "GET /openapi.json", openapi.Document())

	path, service := maasv1connect.NewModelServiceHandler(catalog.NewService(models),
		connect.WithInterceptors(httpapi.ConnectErrors()), decoding.WithReadMaxBytes(maxMessage))
	httpapi.Mount(mux, path, service)
	return mux, nil
}

// stats returns how often the caches of all processes had what they were asked for, up to some seconds ago (MAAS_CACHE_COUNTS_INTERVAL). While Redis is away it
// tells that of the process that answers.
func stats(cached *cache.Store) func(context.Context, auth.Principal, struct{}) (api.CacheStats, error) {
	return func(ctx context.Context, _ auth.Principal, _ struct{}) (api.CacheStats, error) {
		return cached.Stats(ctx), nil
	}
}
