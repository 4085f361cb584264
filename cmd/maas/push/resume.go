package push

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
)

// EnsureModel creates the model if it is missing, and reports whether it did. It creates models in the caller's own tenant alone: for another
// tenant's missing model it fails with NotFound.
func (p *Pusher) EnsureModel(ctx context.Context) (made bool, err error) {
	_, missing := p.Client.GetModel(ctx, api.ModelRequest{Model: p.Model})
	if !fault.Is(missing, fault.NotFound) {
		return false, missing
	}
	me, err := p.Client.Me(ctx)
	if err != nil {
		return false, err
	}
	if me.Tenant != p.Model.Tenant {
		return false, missing
	}
	_, err = p.Client.CreateModel(ctx, api.CreateModelRequest{Name: p.Model.Name})
	if fault.Is(err, fault.Conflict) {
		return false, nil // another push was faster
	}
	return err == nil, err
}

// DropModel deletes the model if it has no versions, and reports whether it did; errors count as false. It looks for versions first, since an
// older server deletes without a check. A newer one checks again in the same transaction.
func (p *Pusher) DropModel(ctx context.Context) bool {
	found, err := p.Client.ListVersions(ctx, api.ListVersionsRequest{Model: p.Model})
	if err != nil || len(found.Items) > 0 {
		return false
	}
	return p.Client.DeleteModel(ctx, api.DeleteModelRequest{Model: p.Model, Empty: true}) == nil
}

// unchanged reports whether the version holds this very file under the path, and then returns it as an upload that is ready. A version that
// does not exist holds nothing.
func (p *Pusher) unchanged(ctx context.Context, f file, path string) (api.Upload, bool, error) {
	v, err := p.Client.GetVersion(ctx, api.VersionRequest{Model: p.Model, Ref: ref.Exact(p.Version)})
	if fault.Is(err, fault.NotFound) {
		return api.Upload{}, false, nil
	}
	if err != nil {
		return api.Upload{}, false, err
	}
	for _, held := range v.Files {
		if string(held.Path) != path || held.Size != f.size {
			continue
		}
		sum, err := f.digest()
		if err != nil || sum != held.SHA256 {
			return api.Upload{}, false, err
		}
		return api.Upload{
			Model: p.Model, Version: p.Version, Path: held.Path, Size: held.Size, Received: held.Size,
			SHA256: sum, Status: api.UploadReady, Phase: api.Done, Progress: 1,
		}, true, nil
	}
	return api.Upload{}, false, nil
}
