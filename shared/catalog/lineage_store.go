package catalog

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	unseenSQL = `
		select p.parent
		from unnest($1::text[]) as p (parent) cross join split_part(split_part(p.parent, '@', 1), '/', 2) as n (name) left join models m on m.name = n.name
		where maas_sees($2, m.id, n.name) is not true`
	keepLineageSQL = `
		insert into lineage as l (version_id, parent, commit, data, run) values ($1, $2, $3, $4, $5)
		on conflict (version_id) do update set
			parent = coalesce(nullif(excluded.parent, ''), l.parent), commit = coalesce(nullif(excluded.commit, ''), l.commit),
			data = coalesce(nullif(excluded.data, ''), l.data), run = coalesce(nullif(excluded.run, ''), l.run)`
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

// putLineage records where a draft comes from. An empty part does not overwrite what is recorded.
func putLineage(ctx context.Context, tx postgres.Tx, version uuid.UUID, l api.Lineage) error {
	if l == (api.Lineage{}) {
		return nil
	}
	_, err := tx.Exec(ctx, keepLineageSQL, version, l.Parent, l.Commit, l.Data, l.Run)
	return err
}

// unseenParents returns those of the parents that the caller may not know of.
func unseenParents(ctx context.Context, tx postgres.Tx, who auth.Principal, parents []string) ([]string, error) {
	rows, err := tx.Query(ctx, unseenSQL, parents, who.Terms())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// listAncestors returns the version's parent, the parent's parent and so on, nearest first, 100 at most. It leaves out those that the caller may not know
// of.
func listAncestors(ctx context.Context, tx postgres.Tx, who auth.Principal, version string) ([]api.Ancestor, error) {
	rows, err := tx.Query(ctx, ancestorsSQL, version, maxAncestors, who.Terms())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[api.Ancestor])
}

// listChildren returns the names of the versions whose parent is the version, the oldest first, 100 at most. It leaves out those that the caller may not
// know of.
func listChildren(ctx context.Context, tx postgres.Tx, who auth.Principal, version string) ([]string, error) {
	rows, err := tx.Query(ctx, childrenSQL, version, string(who.TenantName), maxAncestors, who.Terms())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
