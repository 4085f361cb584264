package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// GetVersion returns the version that a reference points at; of an alias with several shares of traffic, the greatest. It fails with Gone if it is retired.
func (c *Catalog) GetVersion(ctx context.Context, who auth.Principal, in api.VersionRequest) (api.Version, error) {
	v, err := read(ctx, c, named(c.reads.versions, in.Ref), who, in.Model, in.Ref.String(),
		func(ctx context.Context, tx postgres.Tx, all auth.Principal, id uuid.UUID) (api.Version, bool, error) {
			v, err := versionAt(ctx, tx, all, id, in)
			return v, v.Status != api.VersionDraft, err
		})
	if v, err = unlessRetired(v, err); err != nil {
		return v, err
	}
	return v, c.hideParents(ctx, who, &v.Lineage)
}

// version returns the version that a reference points at. It fails with NotFound if there is no such model or version, and with Gone if the version is
// retired.
func version(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.VersionRequest) (api.Version, error) {
	return unlessRetired(standing(ctx, tx, who, in))
}

// unlessRetired returns a version that was read, or the error of the reading. It fails with Gone if the version is retired.
func unlessRetired(v api.Version, err error) (api.Version, error) {
	if err == nil && v.Status == api.VersionRetired {
		return api.Version{}, retired(v.Model, v.Version)
	}
	return v, err
}

// standing returns the version that a reference points at, whatever its status. It fails with NotFound if there is no such model or version.
func standing(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.VersionRequest) (api.Version, error) {
	id, err := find(ctx, tx, who, in.Model)
	if err != nil {
		return api.Version{}, err
	}
	return versionAt(ctx, tx, who, id, in)
}

// versionAt is like standing, for a model that was found already.
func versionAt(ctx context.Context, tx postgres.Tx, who auth.Principal, model uuid.UUID, in api.VersionRequest) (api.Version, error) {
	traffic, err := trafficFor(ctx, tx, model, in)
	if err != nil {
		return api.Version{}, err
	}
	return readVersion(ctx, tx, who, model, in.Model, traffic.Greatest())
}

// ListVersions returns a model's versions, the highest first.
func (c *Catalog) ListVersions(ctx context.Context, who auth.Principal, in api.ListVersionsRequest) (found page.Page[api.Version], err error) {
	after := ref.Version{}
	if in.After != "" {
		if after, err = ref.ParseVersion(in.After); err != nil {
			return found, badCursor()
		}
	}
	found, err = read(ctx, c, firstPage(c.reads.lists, in.Request), who, in.Model, "first "+string(in.Status),
		func(ctx context.Context, tx postgres.Tx, all auth.Principal, id uuid.UUID) (page.Page[api.Version], bool, error) {
			versions, err := listVersions(ctx, tx, all, id, in, after)
			keep := !slices.ContainsFunc(versions, func(v api.Version) bool { return v.Status == api.VersionDraft })
			return page.Of(in.Request, versions, func(v api.Version) string { return v.Version.String() }), keep, err
		})
	if err != nil || who.Limits == nil {
		return found, err
	}
	found.Items = slices.Clone(found.Items) // what is kept is everybody's
	lineages := make([]*api.Lineage, len(found.Items))
	for i := range found.Items {
		lineages[i] = &found.Items[i].Lineage
	}
	return found, c.hideParents(ctx, who, lineages...)
}

// noVersion returns the NotFound error of a version, an alias or a range that leads to no version.
func noVersion(m ref.Model, selector string) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no version %s@%s.", m, selector), fault.Field("version"))
}

// retired returns the Gone error of a retired version.
func retired(m ref.Model, v ref.Version) error {
	return fault.New(fault.Gone, fmt.Sprintf("%s@%s is retired.", m, v))
}
