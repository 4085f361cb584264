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

// Open returns the catalog out of what the process has: its pool, its outbox and its cache, in which reads are kept and which is told of changes.
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

// OpenAnnounce returns what tells all processes' caches of changes. The scope of what they know about a model is its name, "acme/fraud".
func OpenAnnounce(e *env.Env) (Announce, error) {
	store, err := cache.Open(e)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, m ref.Model, epoch int64) { store.Announce(ctx, m.String(), epoch) }, nil
}

// OpenPublisher returns the publisher out of what the process has, its object store included.
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
