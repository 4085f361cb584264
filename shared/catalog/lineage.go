package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// characters of each part of a lineage

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
		return invalid("lineage.parent", "names one version, like acme/fraud@1.3.0")
	}
	id, err := find(ctx, tx, who, parent.Model)
	if err == nil {
		_, _, err = statusOf(ctx, tx, id, version)
	}
	if postgres.NotFound(err) || fault.Is(err, fault.NotFound) {
		return invalid("lineage.parent", "There is no version %s.", l.Parent)
	}
	return err
}

const unseenSQL = `
	select p.parent
	from unnest($1::text[]) as p (parent) cross join split_part(split_part(p.parent, '@', 1), '/', 2) as n (name) left join models m on m.name = n.name
	where maas_sees($2, m.id, n.name) is not true`

// hideParents leaves out the parents that the caller may not know of, as if there were none.
func hideParents(ctx context.Context, tx postgres.Tx, who auth.Principal, lineages ...*api.Lineage) error {
	if who.Limits == nil {
		return nil
	}
	parents := make([]string, len(lineages))
	for i, l := range lineages {
		parents[i] = l.Parent
	}
	rows, err := tx.Query(ctx, unseenSQL, parents, who.Terms())
	if err != nil {
		return err
	}
	unseen, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, l := range lineages {
		if slices.Contains(unseen, l.Parent) {
			l.Parent = ""
		}
	}
	return err
}

const keepLineageSQL = `
	insert into lineage as l (version_id, parent, commit, data, run) values ($1, $2, $3, $4, $5)
	on conflict (version_id) do update set
		parent = coalesce(nullif(excluded.parent, ''), l.parent), commit = coalesce(nullif(excluded.commit, ''), l.commit),
		data = coalesce(nullif(excluded.data, ''), l.data), run = coalesce(nullif(excluded.run, ''), l.run)`

// putLineage records where a draft comes from. Empty parts leave what is recorded.
func putLineage(ctx context.Context, tx postgres.Tx, version uuid.UUID, l api.Lineage) error {
	if l == (api.Lineage{}) {
		return nil
	}
	_, err := tx.Exec(ctx, keepLineageSQL, version, l.Parent, l.Commit, l.Data, l.Run)
	return err
}

const (
	ancestorsSQL = `
		with recursive up as (
			select $1::text as name, 0 as depth
			union all
			select l.parent, up.depth + 1
			from up
			join models m on m.name = split_part(split_part(up.name, '@', 1), '/', 2)
			join versions v on v.model_id = m.id and v.version = split_part(up.name, '@', 2)
			join lineage l on l.version_id = v.id
			where l.parent <> '' and up.depth < $2)
			cycle name set again using trail
		select json_build_object('version', up.name, 'lineage', json_build_object('parent', coalesce(l.parent, ''),
			'commit', coalesce(l.commit, ''), 'data', coalesce(l.data, ''), 'run', coalesce(l.run, '')))
		from up
		left join models m on m.name = split_part(split_part(up.name, '@', 1), '/', 2)
		left join versions v on v.model_id = m.id and v.version = split_part(up.name, '@', 2)
		left join lineage l on l.version_id = v.id
		where not again and depth > 0 and maas_sees($3, m.id, split_part(split_part(up.name, '@', 1), '/', 2))
		order by depth`
	childrenSQL = `
		select $2 || '/' || m.name || '@' || v.version
		from lineage l join versions v on v.id = l.version_id join models m on m.id = v.model_id
		where l.parent = $1 and maas_sees($4, m.id, m.name)
		order by v.created_at limit $3`
)

// GetLineage gives where a version came from and what came from it.
func (c *Catalog) GetLineage(ctx context.Context, who auth.Principal, in api.VersionRequest) (a api.Ancestry, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		v, err := standing(ctx, tx, who, in)
		if err != nil {
			return err
		}
		a.Version, a.Lineage = fmt.Sprintf("%s@%s", v.Model, v.Version), v.Lineage
		rows, err := tx.Query(ctx, ancestorsSQL, a.Version, maxAncestors, who.Terms())
		if err != nil {
			return err
		}
		if a.Ancestors, err = pgx.CollectRows(rows, pgx.RowTo[api.Ancestor]); err != nil {
			return err
		}
		lineages := make([]*api.Lineage, len(a.Ancestors))
		for i := range a.Ancestors {
			lineages[i] = &a.Ancestors[i].Lineage
		}
		if err := hideParents(ctx, tx, who, lineages...); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, childrenSQL, a.Version, string(who.TenantName), maxAncestors, who.Terms()); err != nil {
			return err
		}
		a.Children, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return a, err
}
