package maas

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
)

// The paths that others begin with.
const (
	modelPath   = "/v1/models/{t}/{m}"
	versionPath = modelPath + "/versions/{v}"
	aliasPath   = modelPath + "/aliases/{alias}"
)

// CreateModel makes a model of the caller's tenant. It fails with Conflict if the tenant has one of that name.
func (c *Client) CreateModel(ctx context.Context, in api.CreateModelRequest) (api.Model, error) {
	return call[api.Model](ctx, c, "POST /v1/models", in, keyed)
}

// GetModel returns a model. It fails with NotFound if there is none.
func (c *Client) GetModel(ctx context.Context, in api.ModelRequest) (api.Model, error) {
	return call[api.Model](ctx, c, "GET "+modelPath, in)
}

// ListModels returns a page of the models that match, and on the first page the facets of all of them.
func (c *Client) ListModels(ctx context.Context, in api.ListModelsRequest) (api.Models, error) {
	return call[api.Models](ctx, c, "GET /v1/models", in)
}

// UpdateModel changes the fields of a model that in gives, and returns the model. It fails with PreconditionFailed if the model is not as IfMatch says.
func (c *Client) UpdateModel(ctx context.Context, in api.UpdateModelRequest) (api.Model, error) {
	return call[api.Model](ctx, c, "PATCH "+modelPath, in)
}

// DeleteModel deletes a model with all its versions. Unless forced, it fails with Conflict while a version is published.
func (c *Client) DeleteModel(ctx context.Context, in api.DeleteModelRequest) error {
	return c.do(ctx, "DELETE "+modelPath, in, nil)
}

// GetVersion returns the version that a reference leads to. It fails with NotFound if there is none, and with Gone if it is retired.
func (c *Client) GetVersion(ctx context.Context, in api.VersionRequest) (api.Version, error) {
	return call[api.Version](ctx, c, "GET "+modelPath+"/versions/{ref}", in)
}

// ListVersions returns a page of a model's versions, the highest first.
func (c *Client) ListVersions(ctx context.Context, in api.ListVersionsRequest) (page.Page[api.Version], error) {
	return call[page.Page[api.Version]](ctx, c, "GET "+modelPath+"/versions", in)
}

// UpdateVersion changes the fields of a draft that in gives, and returns the version. It fails with Conflict if the version is no draft, and with
// PreconditionFailed if it is not as IfMatch says.
func (c *Client) UpdateVersion(ctx context.Context, in api.UpdateVersionRequest) (api.Version, error) {
	return call[api.Version](ctx, c, "PATCH "+versionPath, in)
}

// Publish freezes a draft and asks for its deployment. It returns before the version is ready: GetVersion tells its deployment's status. It fails with
// Conflict if the version is no draft or uploads into it are open, and with Unprocessable if its files cannot be served.
func (c *Client) Publish(ctx context.Context, in api.PublishRequest) (api.Version, error) {
	return call[api.Version](ctx, c, "POST "+versionPath+"/publish", in, keyed)
}

// Deprecate marks a published version as one that should not be used any more, with a reason and a sunset. It fails with Conflict for a draft, and with
// Gone for a retired version.
func (c *Client) Deprecate(ctx context.Context, in api.DeprecateRequest) (api.Version, error) {
	return call[api.Version](ctx, c, "POST "+versionPath+"/deprecate", in, keyed)
}

// Retire takes a published version away for good: it is stopped, and GetVersion and OpenFile fail with Gone. It fails with Conflict for a draft and while
// an alias that someone set leads to the version.
func (c *Client) Retire(ctx context.Context, in api.RetireRequest) (api.Version, error) {
	return call[api.Version](ctx, c, "POST "+versionPath+"/retire", in, keyed)
}

// GetLineage returns where a version comes from, and what came from it. It fails with NotFound if there is no such version.
func (c *Client) GetLineage(ctx context.Context, in api.VersionRequest) (api.Ancestry, error) {
	return call[api.Ancestry](ctx, c, "GET "+modelPath+"/versions/{ref}/lineage", in)
}

// GetManifest returns what is in a version's files. It fails with NotFound if there is no such version, and with Gone if it is retired.
func (c *Client) GetManifest(ctx context.Context, in api.VersionRequest) (api.Manifest, error) {
	return call[api.Manifest](ctx, c, "GET "+modelPath+"/versions/{ref}/manifest", in)
}

// Compare returns how two versions of a model differ; retired ones may be compared too. It fails with NotFound if there is no such version.
func (c *Client) Compare(ctx context.Context, in api.CompareRequest) (api.Comparison, error) {
	return call[api.Comparison](ctx, c, "GET "+modelPath+"/compare/{range}", in)
}

// ListAliases returns a page of a model's aliases, ordered by name. It includes those that follow the published versions by themselves.
func (c *Client) ListAliases(ctx context.Context, in api.ListAliasesRequest) (page.Page[api.Alias], error) {
	return call[page.Page[api.Alias]](ctx, c, "GET "+modelPath+"/aliases", in)
}

// ListAliasMoves returns a page of an alias's moves, the newest first, also of an alias that is gone. It fails with NotFound if there never was such an
// alias.
func (c *Client) ListAliasMoves(ctx context.Context, in api.AliasHistoryRequest) (page.Page[api.AliasMove], error) {
	return call[page.Page[api.AliasMove]](ctx, c, "GET "+aliasPath+"/history", in)
}

// SetAlias moves an alias, or makes it. It returns once the targets have started and the alias has moved, which takes minutes at most. It fails with
// Conflict if a target is not published or cannot start, and with Unavailable if one does not start in time.
func (c *Client) SetAlias(ctx context.Context, in api.SetAliasRequest) (api.Alias, error) {
	return call[api.Alias](ctx, c, "PUT "+aliasPath, in, slow)
}

// Rollback moves an alias back. It returns once the target has started and the alias has moved, which takes minutes at most. It fails with Conflict if the
// alias has led nowhere else, or the target cannot start, and with Unavailable if it does not start in time.
func (c *Client) Rollback(ctx context.Context, in api.RollbackRequest) (api.Alias, error) {
	return call[api.Alias](ctx, c, "POST "+aliasPath+"/rollback", in, keyed, slow)
}
