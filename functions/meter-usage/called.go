package function

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/event"
)

// called tells the deployments which versions are in use, so that they keep running. It is a hint, to the minute: batches that come
// faster than it can tell are left out.
type called struct {
	log         *slog.Logger
	deployments *deployment.Deployments
	batches     chan event.InferenceCompleted
}

func newCalled(log *slog.Logger, d *deployment.Deployments) *called {
	return &called{log, d, make(chan event.InferenceCompleted, 16)}
}

func (c *called) note(batch event.InferenceCompleted) {
	select {
	case c.batches <- batch:
	default: // the next one says the same
	}
}

// run tells until ctx ends.
func (c *called) run(ctx context.Context) {
	for {
		select {
		case batch := <-c.batches:
			c.tell(ctx, batch)
		case <-ctx.Done():
			return
		}
	}
}

func (c *called) tell(ctx context.Context, batch event.InferenceCompleted) {
	versions := map[uuid.UUID]map[uuid.UUID]bool{}
	for i := range batch.Calls {
		call := &batch.Calls[i]
		if versions[call.Tenant] == nil {
			versions[call.Tenant] = map[uuid.UUID]bool{}
		}
		versions[call.Tenant][call.VersionID] = true
	}
	for tenant, ids := range versions {
		if err := c.deployments.Called(ctx, tenant, slices.Collect(maps.Keys(ids)), time.Now()); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "it could not be told which versions are in use", "error", err)
		}
	}
}
