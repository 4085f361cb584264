package catalog

import (
	"context"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Open returns a catalog that uses the process's database pool, outbox and cache. The cache keeps reads and is told of changes. It fails if one of them
// cannot be opened.
func Open(ctx context.Context, e *env.Env) (*Catalog, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	announce, err := OpenAnnounce(e)
	if err != nil {
		return nil, err
	}
	c := New(db, events, announce)
	if c.formats, err = OpenFormatLimits(e); err != nil {
		return nil, err
	}
	c.reads, err = openReads(e)
	return c, err
}

// OpenAnnounce returns an Announce that tells the caches of all processes. The scope of what they keep about a model is its name, "acme/fraud".
func OpenAnnounce(e *env.Env) (Announce, error) {
	store, err := cache.Open(e)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, m ref.Model, epoch int64) { store.Announce(ctx, m.String(), epoch) }, nil
}

// OpenPublisher returns a publisher that uses what Open uses and the process's object store. It fails if one of them cannot be opened.
func OpenPublisher(ctx context.Context, e *env.Env) (*Publisher, error) {
	c, err := Open(ctx, e)
	if err != nil {
		return nil, err
	}
	store, err := objects.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	return NewPublisher(c, store), nil
}
