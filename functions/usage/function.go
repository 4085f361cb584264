// Package function tells what was used and how calls went: GET /v1/usage, GET /v1/models/{t}/{m}/stats.
package function

import (
	"context"
	"net/http"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/usage"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of usage and of models' statistics. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	ledger, err := usage.Open(ctx, e)
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
	httpapi.Handle(mux, "GET /v1/usage", ledger.Totals)
	httpapi.Handle(mux, "GET /v1/models/{t}/{m}/stats", ledger.Stats)
	return mux, nil
}
