// Package function tells how uploads stand, once or as they change, and cancels them.
package function

import (
	"context"
	"iter"
	"net/http"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/serve"
	"github.com/17882237881/MaaS/shared/transfer"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler that lists, shows, follows and cancels uploads. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	authn, err := identity.OpenAuthenticator(ctx, e)
	if err != nil {
		return nil, err
	}
	transfers, err := transfer.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, authn)
	if err != nil {
		return nil, err
	}
	httpapi.Handle(mux, "GET /v1/uploads", transfers.List)
	httpapi.Handle(mux, "GET /v1/uploads/{id}", transfers.Find)
	httpapi.Handle(mux, "DELETE /v1/uploads/{id}", transfers.Cancel)
	httpapi.Stream(mux, "GET /v1/uploads/{id}/events", tell(
		func(ctx context.Context, who auth.Principal, r *http.Request, after string) (iter.Seq2[api.UploadChange, error], error) {
			id, err := api.ParseID(r.PathValue("id"))
			return transfers.Follow(ctx, who, id, after), err
		}))
	httpapi.Stream(mux, "GET /v1/events", tell(
		func(ctx context.Context, who auth.Principal, _ *http.Request, after string) (iter.Seq2[api.UploadChange, error], error) {
			return transfers.FollowAll(ctx, who, after)
		}))
	return mux, nil
}
