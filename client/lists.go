package maas

import (
	"context"
	"iter"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
)

// each yields the items of all pages. list reads the page at a cursor, "" for the first; an error is yielded last.
func each[T any](list func(cursor string) (page.Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			found, err := list(cursor)
			for _, item := range found.Items {
				if !yield(item, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if cursor = found.Next; cursor == "" {
				return
			}
		}
	}
}

// Models yields all models that match. An error is yielded last.
func (c *Client) Models(ctx context.Context, in api.ListModelsRequest) iter.Seq2[api.Model, error] {
	return each(func(cursor string) (page.Page[api.Model], error) {
		in.After = cursor
		found, err := c.ListModels(ctx, in)
		return found.Page, err
	})
}

// Versions yields all of a model's versions, the highest first. An error is yielded last.
func (c *Client) Versions(ctx context.Context, in api.ListVersionsRequest) iter.Seq2[api.Version, error] {
	return each(func(cursor string) (page.Page[api.Version], error) {
		in.After = cursor
		return c.ListVersions(ctx, in)
	})
}

// Aliases yields all of a model's aliases, ordered by name. An error is yielded last.
func (c *Client) Aliases(ctx context.Context, in api.ListAliasesRequest) iter.Seq2[api.Alias, error] {
	return each(func(cursor string) (page.Page[api.Alias], error) {
		in.After = cursor
		return c.ListAliases(ctx, in)
	})
}

// AliasMoves yields all of an alias's moves, the newest first. An error is yielded last.
func (c *Client) AliasMoves(ctx context.Context, in api.AliasHistoryRequest) iter.Seq2[api.AliasMove, error] {
	return each(func(cursor string) (page.Page[api.AliasMove], error) {
		in.After = cursor
		return c.ListAliasMoves(ctx, in)
	})
}

// Keys yields all of the tenant's API keys, the newest first. An error is yielded last.
func (c *Client) Keys(ctx context.Context, in api.ListKeysRequest) iter.Seq2[api.Key, error] {
	return each(func(cursor string) (page.Page[api.Key], error) {
		in.After = cursor
		return c.ListKeys(ctx, in)
	})
}

// Uploads yields all uploads that match, the latest first. An error is yielded last.
func (c *Client) Uploads(ctx context.Context, in api.ListUploadsRequest) iter.Seq2[api.Upload, error] {
	return each(func(cursor string) (page.Page[api.Upload], error) {
		in.After = cursor
		return c.ListUploads(ctx, in)
	})
}

// Usage yields all rows of the tenant's usage. An error is yielded last.
func (c *Client) Usage(ctx context.Context, in api.UsageRequest) iter.Seq2[api.UsageRow, error] {
	return each(func(cursor string) (page.Page[api.UsageRow], error) {
		in.After = cursor
		return c.ListUsage(ctx, in)
	})
}
