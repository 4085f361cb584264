// Package function registers users: POST /v1/auth/register.
package function

import (
	"context"
	"net/http"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of POST /v1/auth/register. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	users, err := identity.OpenUsers(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, nil)
	if err != nil {
		return nil, err
	}
	httpapi.Handle(mux, "POST /v1/auth/register", users.Register)
	return mux, nil
}
