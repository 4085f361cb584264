package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const maxAncestors = 100

// checkLineage fails with Invalid if the lineage's text is malformed, or its parent is no version of the caller's tenant.
func checkLineage(ctx context.Context, tx postgres.Tx, who auth.Principal, l api.Lineage) error {
	if err := l.Check(); err != nil || l.Parent == "" {
		return err
	}
	parent, err := ref.ParseTarget(l.Parent)
	if err != nil {
		return fault.New(fault.Invalid, fault.From(err).Message, fault.Field("lineage.parent"))
	}
	version, exact := parent.Selector.Version()
	if !exact {
		return fault.InvalidField("lineage.parent", "names one version, like acme/fraud@1.3.0")
	}
	id, err := find(ctx, tx, who, parent.Model)
	if err == nil {
		_, _, err = statusOf(ctx, tx, id, version)
	}
	if postgres.NotFound(err) || fault.Is(err, fault.NotFound) {
		return fault.InvalidField("lineage.parent", "There is no version %s.", l.Parent)
	}
	return err
}

// hideParents removes from the lineages each parent that the caller may not know of. It does nothing for a caller without limits.
func hideParents(ctx context.Context, tx postgres.Tx, who auth.Principal, lineages ...*api.Lineage) error {
	if who.Limits == nil {
		return nil
	}
	parents := make([]string, len(lineages))
	for i, l := range lineages {
		parents[i] = l.Parent
	}
	unseen, err := unseenParents(ctx, tx, who, parents)
	for _, l := range lineages {
		if slices.Contains(unseen, l.Parent) {
			l.Parent = ""
		}
	}
	return err
}

// hideParents is like the function hideParents, in a transaction of its own, for versions that were read without the caller's limits. It asks the database
// only if the caller has limits and a version has a parent.
func (c *Catalog) hideParents(ctx context.Context, who auth.Principal, lineages ...*api.Lineage) error {
	if who.Limits == nil || !slices.ContainsFunc(lineages, func(l *api.Lineage) bool { return l.Parent != "" }) {
		return nil
	}
	return c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error { return hideParents(ctx, tx, who, lineages...) })
}

// GetLineage returns where a version came from and what came from it.
func (c *Catalog) GetLineage(ctx context.Context, who auth.Principal, in api.VersionRequest) (a api.Ancestry, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err := standing(ctx, tx, who, in)
		if err != nil {
			return err
		}
		a.Version, a.Lineage = fmt.Sprintf("%s@%s", v.Model, v.Version), v.Lineage
		if a.Ancestors, err = listAncestors(ctx, tx, who, a.Version); err != nil {
			return err
		}
		lineages := make([]*api.Lineage, len(a.Ancestors))
		for i := range a.Ancestors {
			lineages[i] = &a.Ancestors[i].Lineage
		}
		if err := hideParents(ctx, tx, who, lineages...); err != nil {
			return err
		}
		a.Children, err = listChildren(ctx, tx, who, a.Version)
		return err
	})
	return a, err
}
