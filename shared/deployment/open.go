package deployment

import (
	"context"

	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Open gives the deployments out of what the process has: its pool, its outbox and its cache, which is told of changes.
func Open(ctx context.Context, e *env.Env) (*Deployments, error) {
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	announce, err := catalog.OpenAnnounce(e)
	if err != nil {
		return nil, err
	}
	return New(db, events, announce), nil
}
