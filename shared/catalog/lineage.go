package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Lineage tells where a version comes from. Each part may be empty.
type Lineage struct {
	Parent string `json:"parent,omitempty"` // the version that it was made from: "acme/fraud@1.3.0"
	Commit string `json:"commit,omitempty"` // of its source
	Data   string `json:"data,omitempty"`   // that it was trained on
	Run    string `json:"run,omitempty"`    // that trained it
}

const (
	maxOrigin    = 512 // characters of each part of a lineage
	maxAncestors = 100
)

// check makes sure that the parts are text of one line, and that the parent is a version of the caller's tenant.
func (l Lineage) check(ctx context.Context, tx postgres.Tx, who auth.Principal) error {
	parts := map[string]string{"lineage.commit": l.Commit, "lineage.data": l.Data, "lineage.run": l.Run}
	for field, text := range parts {
		if err := checkProse(field, []byte(text), maxOrigin); err != nil {
			return err
		}
	}
	if l.Parent == "" {
		return nil
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
func hideParents(ctx context.Context, tx postgres.Tx, who auth.Principal, lineages ...*Lineage) error {
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

// keep records what is known of a draft's origin; parts that are empty leave what was known before.
func (l Lineage) keep(ctx context.Context, tx postgres.Tx, version uuid.UUID) error {
	if l == (Lineage{}) {
		return nil
	}
	_, err := tx.Exec(ctx, keepLineageSQL, version, l.Parent, l.Commit, l.Data, l.Run)
	return err
}

// Ancestry is a version's lineage, that of the versions it came from, nearest first, and the versions that came from it. What belongs to models that
// the caller may not know of is left out, names and all.
type Ancestry struct {
	Version   string     `json:"version"`
	Lineage   Lineage    `json:"lineage"`
	Ancestors []Ancestor `json:"ancestors"` // 100 at most
	Children  []string   `json:"children"`  // 100 at most
}

// Ancestor is a version with its own lineage.
type Ancestor struct {
	Version string  `json:"version"`
	Lineage Lineage `json:"lineage"`
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
func (c *Catalog) GetLineage(ctx context.Context, who auth.Principal, in NamedVersion) (a Ancestry, err error) {
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
		if a.Ancestors, err = pgx.CollectRows(rows, pgx.RowTo[Ancestor]); err != nil {
			return err
		}
		lineages := make([]*Lineage, len(a.Ancestors))
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
