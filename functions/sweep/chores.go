package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/transfer"
)

// atOnce is how many rows of a kind a tick forgets; patience is for one chore, so that one that hangs leaves time for the others.
const (
	atOnce   = 1_000
	patience = 15 * time.Second
)

// chore is one thing that sweep does, apart from the others.
type chore struct {
	name string
	do   func(context.Context) error
}

type chores []chore

func openChores(ctx context.Context, e *env.Env, db *postgres.DB) (chores, error) {
	events, err := outbox.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	transfers, err := transfer.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	return chores{
		{"post events again", func(ctx context.Context) error {
			_, err := events.Repost(ctx, db, time.Now())
			return err
		}},
		{"wake verifications", transfers.Wake},
		{"expire uploads", transfers.Expire},
		{"seal the audit log", func(ctx context.Context) error { return audit.Seal(ctx, db) }},
		{"delete objects without a row", transfers.Collect},
		{"forget done events", func(ctx context.Context) error { return outbox.Trim(ctx, db) }},
		{"forget sessions", func(ctx context.Context) error {
			_, err := identity.Trim(ctx, db, atOnce)
			return err
		}},
	}, nil
}

// do does all of them. What one fails with does not keep the others, and is told at the end.
func (all chores) do(ctx context.Context) error {
	var errs []error
	for _, one := range all {
		bounded, done := context.WithTimeout(ctx, patience)
		if err := one.do(bounded); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", one.name, err))
		}
		done()
	}
	return errors.Join(errs...)
}
