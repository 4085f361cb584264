// Package function keeps sessions: POST /v1/auth/refresh and /v1/auth/logout, and the keys that verify access tokens.
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

// open returns the handler that refreshes and ends sessions, and gives the keys that verify access tokens. It fails if the configuration is
// invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	sessions, err := identity.OpenSessions(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, nil)
	if err != nil {
		return nil, err
	}
	httpapi.Handle(mux, "POST /v1/auth/refresh", sessions.Refresh)
	httpapi.Handle(mux, "POST /v1/auth/logout", sessions.Logout)
	httpapi.Handle(mux, "GET /.well-known/jwks.json", sessions.PublicKeys)
	return mux, nil
}
