package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// What lists of models read; $1 to $8 are the tenant, query, framework, tag, license, the limits of a key, and the two values of a cursor.
const (
	fromSQL    = ` from models m`
	matchedSQL = ` from models_match($2) r join models m using (id)`
	whereSQL   = `
		where ($2 = '' or true) and ($3 = '' or m.framework = $3) and ($4 = '' or $4 = any (m.tags)) and ($5 = '' or m.license = $5)
			and maas_sees($6, m.id, m.name)`
	// facetsSQL counts by framework, tag and license among what %s selects.
	facetsSQL = `
			with matching as (select m.framework, m.tags, m.license%s limit 10000),
			counted as (
				select 'frameworks' as facet, framework as value, count(*) as n from matching where framework <> '' group by framework
				union all
				select 'tags', tag, count(*) from matching, unnest(tags) as tag group by tag
				union all
				select 'licenses', license, count(*) from matching where license <> '' group by license),
			ranked as (select *, row_number() over (partition by facet order by n desc, value) as place from counted)
		select coalesce(json_object_agg(facet, counts), '{}') from (
			select facet, json_object_agg(value, n order by n desc, value) as counts from ranked where place <= 20 group by facet) as all_facets
		where $1 <> ''`
)

// sorting is an order in SQL: the expression, its type, and the comparison that leads to the next page.
type sorting struct{ key, kind, direction, beyond string }

var orders = map[api.ModelOrder]sorting{
	api.ByName:      {"m.name", "text", "asc", ">"},
	api.ByCreated:   {"m.created_at", "timestamptz", "desc", "<"},
	api.ByUpdated:   {"m.updated_at", "timestamptz", "desc", "<"},
	api.ByRelevance: {"r.rank", "real", "desc", "<"},
}

// sourceOf returns the FROM and WHERE clauses that select the models of the list. Their parameters are those of argumentsOf.
func sourceOf(in api.ListModelsRequest) string {
	if in.Query != "" {
		return matchedSQL + whereSQL
	}
	return fromSQL + whereSQL
}

// argumentsOf returns the parameters $1 to $6 of a query of models: the tenant's name, the filters and the limits of the caller's key.
func argumentsOf(who auth.Principal, in api.ListModelsRequest) []any {
	return []any{string(who.TenantName), string(in.Query), string(in.Framework), string(in.Tag), string(in.License), who.Terms()}
}

// listed is a model with the cursor of its place in the order.
type listed struct {
	model  api.Model
	cursor string
}

// listModels returns a page of the models that match. It fails with Invalid for a cursor that is not one of its own.
func listModels(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.ListModelsRequest) (page.Page[api.Model], error) {
	by := orders[in.Order]
	query := fmt.Sprintf(`select %s, %s::text || ' ' || m.id%s`, modelJSON, by.key, sourceOf(in))
	arguments := argumentsOf(who, in)
	if in.After != "" {
		cut := strings.LastIndexByte(in.After, ' ')
		if cut < 0 {
			return page.Page[api.Model]{}, badCursor()
		}
		arguments = append(arguments, in.After[:cut], in.After[cut+1:])
		query += fmt.Sprintf(` and (%s, m.id) %s ($7::text::%s, $8::text::uuid)`, by.key, by.beyond, by.kind)
	}
	query += fmt.Sprintf(` order by %s %s, m.id %s limit %d`, by.key, by.direction, by.direction, in.Size+1)
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return page.Page[api.Model]{}, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one listed, err error) {
		err = row.Scan(&one.model, &one.cursor)
		return one, err
	})
	if err != nil {
		return page.Page[api.Model]{}, cursorFault(in.Request, err)
	}
	cut := page.Of(in.Request, all, func(one listed) string { return one.cursor })
	models := page.Page[api.Model]{Items: make([]api.Model, len(cut.Items)), Next: cut.Next}
	for i, one := range cut.Items {
		models.Items[i] = one.model
	}
	return models, nil
}

// facets counts the models of the list by framework, tag and license: the 20 most frequent values of each, among 10,000 models at most.
func facets(ctx context.Context, tx postgres.Tx, who auth.Principal, in api.ListModelsRequest) (*api.Facets, error) {
	var text []byte
	if err := tx.QueryRow(ctx, fmt.Sprintf(facetsSQL, sourceOf(in)), argumentsOf(who, in)...).Scan(&text); err != nil {
		return nil, err
	}
	counts := api.Facets{Frameworks: map[string]int{}, Tags: map[string]int{}, Licenses: map[string]int{}} // what has no value stays {}
	return &counts, json.Unmarshal(text, &counts)
}

// cursorFault returns badCursor if the request has a cursor and Postgres could not read a value (class 22 of its errors, data exceptions). Otherwise it
// returns err.
func cursorFault(in page.Request, err error) error {
	var pg *pgconn.PgError
	if in.After != "" && errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22") {
		return badCursor()
	}
	return err
}
