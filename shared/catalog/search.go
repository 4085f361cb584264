package catalog

import (
	"context"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// ListModels returns the models that match and that the caller may know of.
func (c *Catalog) ListModels(ctx context.Context, who auth.Principal, in api.ListModelsRequest) (found api.Models, err error) {
	switch {
	case in.Order == "" && in.Query != "":
		in.Order = api.ByRelevance
	case in.Order == "":
		in.Order = api.ByName
	case in.Order == api.ByRelevance && in.Query == "":
		return api.Models{}, fault.InvalidField("order", "relevance needs a query (q)")
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

// badCursor returns the Invalid error of a page token that the list has not given.
func badCursor() error {
	return fault.InvalidField("page_token", "is not one that this list gave; begin without it")
}
