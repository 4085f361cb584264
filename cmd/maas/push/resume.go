package push

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/cmd/maas/client"
)

// EnsureModel makes sure that the model is there, and reports whether it was made now. Models are made in the caller's own tenant alone: another
// tenant's is NotFound.
func (p *Pusher) EnsureModel(ctx context.Context) (made bool, err error) {
	var model api.Model
	missing := p.Client.Do(ctx, client.Request{Method: http.MethodGet, Path: "/v1/models/" + p.Model.String()}, &model)
	if !fault.Is(missing, fault.NotFound) {
		return false, missing
	}
	var me api.Me
	if err := p.Client.Do(ctx, client.Request{Method: http.MethodGet, Path: "/v1/users/me"}, &me); err != nil {
		return false, err
	}
	if me.Tenant != p.Model.Tenant {
		return false, missing
	}
	err = p.Client.Do(ctx, client.Request{
		Method: http.MethodPost, Path: "/v1/models", In: map[string]any{"name": p.Model.Name},
		Header: map[string]string{"Idempotency-Key": uuid.NewString()}, Repeat: true,
	}, &model)
	if fault.Is(err, fault.Conflict) {
		return false, nil // another push was faster
	}
	return err == nil, err
}

// DropModel deletes a model that this push has made, if there is still nothing in it, and reports whether it did. The server checks that too,
// in the same transaction; a server that does not know the parameter must not be asked while there is a draft.
func (p *Pusher) DropModel(ctx context.Context) bool {
	var found page.Page[api.Version]
	path := "/v1/models/" + p.Model.String()
	err := p.Client.Do(ctx, client.Request{Method: http.MethodGet, Path: path + "/versions"}, &found)
	if err != nil || len(found.Items) > 0 {
		return false
	}
	return p.Client.Do(ctx, client.Request{Method: http.MethodDelete, Path: path + "?empty=true"}, nil) == nil
}

// unchanged reports whether the version holds this very file under the path.
func (p *Pusher) unchanged(ctx context.Context, f file, path string) (api.Upload, bool, error) {
	var v api.Version
	err := p.Client.Do(ctx, client.Request{
		Method: http.MethodGet, Path: "/v1/models/" + p.Model.String() + "/versions/" + p.Version.String(),
	}, &v)
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

// resume finds the upload that an earlier run began for this file, or begins one.
func (p *Pusher) resume(ctx context.Context, f file, path string) (api.Upload, error) {
	found, ok, err := p.begun(ctx, f.size, path)
	if err != nil || ok {
		return found, err
	}
	var u api.Upload
	err = p.Client.Do(ctx, client.Request{
		Method: http.MethodPost, Path: "/v1/uploads", Repeat: true,
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
		In: api.CreateUploadRequest{
			Model: p.Model, Version: p.Version, Filename: ref.Path(path), Path: ref.Path(path), Size: f.size,
		},
	}, &u)
	return u, err
}

// begun looks for an upload of the same path and size that has not ended.
func (p *Pusher) begun(ctx context.Context, size int64, path string) (api.Upload, bool, error) {
	token := ""
	for {
		var found page.Page[api.Upload]
		err := p.Client.Do(ctx, client.Request{
			Method: http.MethodGet,
			Path:   "/v1/uploads" + client.Query("status", "open", "status", "completing", "status", "verifying", "page_size", "200", "page_token", token),
		}, &found)
		if err != nil {
			return api.Upload{}, false, err
		}
		for _, u := range found.Items {
			if u.Model == p.Model && u.Version.String() == p.Version.String() && string(u.Path) == path && u.Size == size {
				return u, true, nil
			}
		}
		if token = found.Next; token == "" {
			return api.Upload{}, false, nil
		}
	}
}
