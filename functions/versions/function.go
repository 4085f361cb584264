// Package function keeps versions and aliases: /v1/models/{t}/{m}/versions, /aliases and /compare.
package function

import (
	"context"
	"net/http"

	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/download"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/serve"
)

// New is the constructor that func-go and the one-machine host look for.
func New() *serve.Function { return serve.New(open) }

// open returns the handler of versions, their files, and aliases. It fails if the configuration is invalid.
func open(ctx context.Context, e *env.Env) (http.Handler, error) {
	authn, err := identity.OpenAuthenticator(ctx, e)
	if err != nil {
		return nil, err
	}
	versions, err := catalog.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	store, err := objects.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	mux, err := httpapi.NewMux(e, authn)
	if err != nil {
		return nil, err
	}
	const model, version, alias = "/v1/models/{t}/{m}", "/v1/models/{t}/{m}/versions/{v}", "/v1/models/{t}/{m}/aliases/{alias}"
	httpapi.Handle(mux, "GET "+model+"/versions", versions.ListVersions)
	httpapi.Handle(mux, "GET "+model+"/versions/{ref}", versions.GetVersion)
	httpapi.Handle(mux, "GET "+model+"/versions/{ref}/lineage", versions.GetLineage)
	httpapi.Handle(mux, "GET "+model+"/versions/{ref}/manifest", versions.GetManifest)
	httpapi.Stream(mux, "GET "+model+"/versions/{ref}/files/{path...}", download.Downloads{Versions: versions, Store: store, Log: e.Logger()}.Serve)
	httpapi.Handle(mux, "GET "+model+"/compare/{range}", versions.Compare)
	httpapi.Handle(mux, "PATCH "+version, versions.UpdateVersion)
	httpapi.Handle(mux, "POST "+version+"/deprecate", versions.Deprecate)
	httpapi.Handle(mux, "POST "+version+"/retire", versions.Retire)
	httpapi.Handle(mux, "GET "+model+"/aliases", versions.ListAliases)
	httpapi.Handle(mux, "PUT "+alias, versions.SetAlias)
	httpapi.Handle(mux, "GET "+alias+"/history", versions.AliasHistory)
	httpapi.Handle(mux, "POST "+alias+"/rollback", versions.Rollback)
	return mux, nil
}
