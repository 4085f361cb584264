package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Order is how a list of models is sorted.
type Order string

// The orders. What is created or updated last comes first.
const (
	ByName      Order = "name"
	ByCreated   Order = "created"
	ByUpdated   Order = "updated"
	ByRelevance Order = "relevance" // only with a query, and then the default
)

// UnmarshalText reads an order.
func (o *Order) UnmarshalText(text []byte) error {
	*o = Order(text)
	if _, ok := orders[*o]; !ok {
		return invalid("order", "must be name, created, updated or relevance")
	}
	return nil
}

// Query is what models are looked for by: 1 to 200 characters. Typing errors are forgiven.
type Query string

const maxQuery = 200 // characters

// UnmarshalText checks a query.
func (q *Query) UnmarshalText(text []byte) error {
	*q = Query(strings.TrimSpace(string(text)))
	if *q == "" || utf8.RuneCountInString(string(*q)) > maxQuery {
		return invalid("q", "must have 1 to %d characters", maxQuery)
	}
	return checkProse("q", text, maxQuery)
}

// ListModels asks for a page of models.
type ListModels struct {
	page.Request
	Query     Query `query:"q"`
	Framework Label `query:"framework"`
	Tag       Tag   `query:"tag"`
	License   Label `query:"license"`
	Order     Order `query:"order"` // by name, or by relevance where there is a query
}

// Models is a page of models. Facets counts all that match, on the first page alone.
type Models struct {
	page.Page[Model]
	Facets *Facets `json:"facets,omitempty"`
}

// Facets counts models by their values, the 20 most frequent of each; 10,000 models at most are looked at.
type Facets struct {
	Frameworks map[string]int `json:"frameworks"`
	Tags       map[string]int `json:"tags"`
	Licenses   map[string]int `json:"licenses"`
}

// ListModels gives the models that match and that the caller may know of.
func (c *Catalog) ListModels(ctx context.Context, who auth.Principal, in ListModels) (found Models, err error) {
	switch {
	case in.Order == "" && in.Query != "":
		in.Order = ByRelevance
	case in.Order == "":
		in.Order = ByName
	case in.Order == ByRelevance && in.Query == "":
		return Models{}, invalid("order", "relevance needs a query (q)")
	}
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		if found.Page, err = listModels(ctx, tx, who, in); err != nil || in.After != "" {
			return err
		}
		found.Facets, err = facets(ctx, tx, who, in)
		return err
	})
	return found, err
}

// sorting is an order in SQL: the expression, its type, and the comparison that leads to the next page.
type sorting struct{ key, kind, direction, beyond string }

var orders = map[Order]sorting{
	ByName:      {"m.name", "text", "asc", ">"},
	ByCreated:   {"m.created_at", "timestamptz", "desc", "<"},
	ByUpdated:   {"m.updated_at", "timestamptz", "desc", "<"},
	ByRelevance: {"r.rank", "real", "desc", "<"},
}

// matchSQL selects the rows; $1 to $7 are the tenant, query, framework, tag, license, the limits of a key, and the cursor's.
const (
	fromSQL    = ` from models m`
	matchedSQL = ` from models_match($2) r join models m using (id)`
	whereSQL   = `
		where ($2 = '' or true) and ($3 = '' or m.framework = $3) and ($4 = '' or $4 = any (m.tags)) and ($5 = '' or m.license = $5)
			and maas_sees($6, m.id, m.name)`
)

func (in ListModels) source() string {
	if in.Query != "" {
		return matchedSQL + whereSQL
	}
	return fromSQL + whereSQL
}

func (in ListModels) arguments(who auth.Principal) []any {
	return []any{string(who.TenantName), string(in.Query), string(in.Framework), string(in.Tag), string(in.License), who.Terms()}
}

// listed is a model with the cursor of its place in the order.
type listed struct {
	model  Model
	cursor string
}

func listModels(ctx context.Context, tx postgres.Tx, who auth.Principal, in ListModels) (page.Page[Model], error) {
	by := orders[in.Order]
	query := fmt.Sprintf(`select %s, %s::text || ' ' || m.id%s`, modelJSON, by.key, in.source())
	arguments := in.arguments(who)
	if in.After != "" {
		cut := strings.LastIndexByte(in.After, ' ')
		if cut < 0 {
			return page.Page[Model]{}, badCursor()
		}
		arguments = append(arguments, in.After[:cut], in.After[cut+1:])
		query += fmt.Sprintf(` and (%s, m.id) %s ($7::text::%s, $8::text::uuid)`, by.key, by.beyond, by.kind)
	}
	query += fmt.Sprintf(` order by %s %s, m.id %s limit %d`, by.key, by.direction, by.direction, in.Size+1)
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return page.Page[Model]{}, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (one listed, err error) {
		err = row.Scan(&one.model, &one.cursor)
		return one, err
	})
	if err != nil {
		return page.Page[Model]{}, cursorFault(in.Request, err)
	}
	cut := page.Of(in.Request, all, func(one listed) string { return one.cursor })
	models := page.Page[Model]{Items: make([]Model, len(cut.Items)), Next: cut.Next}
	for i, one := range cut.Items {
		models.Items[i] = one.model
	}
	return models, nil
}

// facetsSQL counts by framework, tag and license among what %s selects.
const facetsSQL = `
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

func facets(ctx context.Context, tx postgres.Tx, who auth.Principal, in ListModels) (*Facets, error) {
	var text []byte
	if err := tx.QueryRow(ctx, fmt.Sprintf(facetsSQL, in.source()), in.arguments(who)...).Scan(&text); err != nil {
		return nil, err
	}
	counts := Facets{map[string]int{}, map[string]int{}, map[string]int{}} // what has no value stays {}
	return &counts, json.Unmarshal(text, &counts)
}

// cursorFault blames a cursor that Postgres cannot read (class 22 of its errors, data exceptions) on who made it up.
func cursorFault(in page.Request, err error) error {
	var pg *pgconn.PgError
	if in.After != "" && errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22") {
		return badCursor()
	}
	return err
}

func badCursor() error {
	return invalid("page_token", "is not one that this list gave; begin without it")
}
