package deployment

import (
	"context"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Open gives the deployments out of what the process has: its pool and its outbox.
func Open(ctx context.Context, e *env.Env) (*Deployments, error) {
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
