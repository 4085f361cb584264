package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Resolution is where a reference leads now. Its version fields speak of the only version of the traffic, or of the one with the greatest share.
type Resolution struct {
	ModelID       uuid.UUID            `json:"-"`
	VersionID     uuid.UUID            `json:"version_id"`
	Version       ref.Version          `json:"version"`
	Digest        ref.Digest           `json:"digest"`
	Endpoint      string               `json:"endpoint"` // base URL of its Open Inference Protocol server; "" while it has none
	Status        api.DeploymentStatus `json:"status"`
	Reason        string               `json:"reason"` // why it failed, or what it waits for
	Failure       api.FailureKind      `json:"failure"`
	RetryAt       *time.Time           `json:"retry_at"` // when its start is tried again, or may be asked for again
	Deterministic bool                 `json:"deterministic"`
	Runtime       string               `json:"runtime"`
	Inputs        []api.Tensor         `json:"inputs"`
	Outputs       []api.Tensor         `json:"outputs"`
	Deprecation   *api.Deprecation     `json:"deprecation"`
	Traffic       api.Traffic          `json:"-"`
	Epoch         int64                `json:"-"` // of the model: an answer with a higher one is newer
}

// Resolve asks where a reference leads.
type Resolve struct {
	api.VersionRequest

	Unreachable string // the endpoint at which the caller found nobody; "" for none
}

// Resolve returns where a reference leads, for the gateway. It asks for the start of a version that does not run, or that its caller could not reach
// (Unreachable); the answer's status tells how far that is. It fails with NotFound for what is not there or not published, with Gone for a retired version,
// and with Unprocessable for a range that leads past too many versions.
func (c *Catalog) Resolve(ctx context.Context, who auth.Principal, in Resolve) (r Resolution, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, epoch, err := epochOf(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		traffic, err := trafficFor(ctx, tx, id, in.VersionRequest)
		if err != nil {
			return err
		}
		if r, err = resolve(ctx, tx, id, in.Model, traffic.Greatest()); err != nil {
			return err
		}
		r.ModelID, r.Traffic, r.Epoch = id, traffic, epoch
		status := r.Status
		if in.Unreachable != "" && in.Unreachable == r.Endpoint {
			status = api.DeploymentRemoved // as far as its caller can see
		}
		return c.want(ctx, tx, id, in.Model, r.Version, r.VersionID, status)
	})
	return r, err
}

// resolve returns where calls of a version go. It fails with NotFound if there is no such version or it is a draft, and with Gone if it is retired.
func resolve(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, v ref.Version) (Resolution, error) {
	status, r, err := readResolution(ctx, tx, model, v)
	switch {
	case postgres.NotFound(err):
		return r, noVersion(name, v.String())
	case err != nil:
		return r, err
	case status == api.VersionRetired:
		return r, retired(name, v)
	case status == api.VersionDraft:
		return r, fault.New(fault.NotFound, fmt.Sprintf("%s@%s is a draft: publish it first.", name, v), fault.Field("version"))
	default:
		return r, nil
	}
}
