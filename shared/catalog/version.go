package catalog

import (
	"context"
	"fmt"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// GetVersion returns the version that a reference points at; of an alias with several shares of traffic, the greatest. It fails with Gone if it is retired.
func (c *Catalog) GetVersion(ctx context.Context, who auth.Principal, in api.VersionRequest) (v api.Version, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err = version(ctx, tx, who, in)
		return err
	})
	return v, err
}

// version reads the version that a reference points at; it fails with Gone if it is retired.
func version(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.VersionRequest) (api.Version, error) {
	v, err := standing(ctx, tx, who, in)
	if err == nil && v.Status == api.VersionRetired {
		return api.Version{}, retired(v.Model, v.Version)
	}
	return v, err
}

// standing reads the version that a reference points at, whatever its status.
func standing(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.VersionRequest) (api.Version, error) {
	id, err := find(ctx, tx, who, in.Model)
	if err != nil {
		return api.Version{}, err
	}
	traffic, err := trafficFor(ctx, tx, id, in)
	if err != nil {
		return api.Version{}, err
	}
	return readVersion(ctx, tx, who, id, in.Model, traffic.Greatest())
}

// ListVersions returns a model's versions, the highest first.
func (c *Catalog) ListVersions(ctx context.Context, who auth.Principal, in api.ListVersionsRequest) (found page.Page[api.Version], err error) {
	after := ref.Version{}
	if in.After != "" {
		if after, err = ref.ParseVersion(in.After); err != nil {
			return found, badCursor()
		}
	}
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		versions, err := listVersions(ctx, tx, who, id, in, after)
		found = page.Of(in.Request, versions, func(v api.Version) string { return v.Version.String() })
		return err
	})
	return found, err
}

func noVersion(m ref.Model, selector string) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no version %s@%s.", m, selector), fault.Field("version"))
}

func retired(m ref.Model, v ref.Version) error {
	return fault.New(fault.Gone, fmt.Sprintf("%s@%s is retired.", m, v))
}
