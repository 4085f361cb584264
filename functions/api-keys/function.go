// Package function keeps API keys: GET, POST and DELETE /v1/api-keys, and maas.v1.IdentityService for the inference gateway.
package function

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
	"github.com/17882237881/MaaS/shared/serve"
)

// maxMessage bounds a gRPC message, in bytes, as httpapi bounds a JSON body.
const maxMessage = 1 << 20

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of API keys and of maas.v1.IdentityService. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	keys, err := identity.OpenKeys(ctx, e)
	if err != nil {
		return nil, err
	}
	authn, err := identity.OpenAuthenticator(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, authn)
	if err != nil {
		return nil, err
	}
	httpapi.Handle(mux, "GET /v1/api-keys", keys.List)
	httpapi.Handle(mux, "POST /v1/api-keys", keys.Create)
	httpapi.Handle(mux, "DELETE /v1/api-keys/{id}", keys.Delete)
	prefix, service := maasv1connect.NewIdentityServiceHandler(identity.NewService(keys),
		connect.WithInterceptors(httpapi.ConnectErrors()), decoding.WithReadMaxBytes(maxMessage))
	httpapi.Mount(mux, prefix, service)
	return mux, nil
}
