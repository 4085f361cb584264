// Package function publishes drafts: POST /v1/models/{t}/{m}/versions/{v}/publish.
package function

import (
	"context"
	"net/http"

	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler that publishes versions. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	authn, err := identity.OpenAuthenticator(ctx, e)
	if err != nil {
		return nil, err
	}
	publisher, err := catalog.OpenPublisher(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, authn)
	if err != nil {
		return nil, err
	}
	httpapi.Handle(mux, "POST /v1/models/{t}/{m}/versions/{v}/publish", publisher.Publish)
	return mux, nil
}
