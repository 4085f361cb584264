package catalog

import (
	"context"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Open gives the catalog out of what the process has: its pool and its outbox.
func Open(ctx context.Context, e *env.Env) (*Catalog, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	return New(db, events, nil), nil
}

// OpenPublisher gives the publisher out of what the process has, its object store included.
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
