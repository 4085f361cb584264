// Package function is the users' own: GET /v1/users/me and PUT /v1/auth/password.
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

// open returns the handler of GET /v1/users/me and PUT /v1/auth/password. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	users, err := identity.OpenUsers(ctx, e)
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
	httpapi.Handle(mux, "GET /v1/users/me", users.Me)
	httpapi.Handle(mux, "PUT /v1/auth/password", users.ChangePassword)
	return mux, nil
}
