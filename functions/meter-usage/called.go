package function

import (
	"context"
	"log/slog"
	"time"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/usage"
)

// called reports which versions are in use, so that they keep running. Exact to a minute, it drops batches that come faster than it reports.
type called struct {
	log         *slog.Logger
	deployments *deployment.Deployments
	batches     chan event.InferenceCompleted
}

// newCalled returns a called that reports to d once run is called.
func newCalled(log *slog.Logger, d *deployment.Deployments) *called {
	return &called{log, d, make(chan event.InferenceCompleted, 16)}
}

// note passes a batch of calls to run. It does not wait: if too many batches are waiting it drops this one.
func (c *called) note(batch event.InferenceCompleted) {
	select {
	case c.batches <- batch:
	default: // the next one says the same
	}
}

// run calls markInUse for each batch of note, until ctx ends.
func (c *called) run(ctx context.Context) {
	for {
		select {
		case batch := <-c.batches:
			c.markInUse(ctx, batch)
		case <-ctx.Done():
			return
		}
	}
}

// markInUse records that the versions of the batch's calls were called now. It logs errors.
func (c *called) markInUse(ctx context.Context, batch event.InferenceCompleted) {
	for tenant, versions := range usage.Called(batch) {
		if err := c.deployments.Called(ctx, tenant, versions, time.Now()); err != nil && ctx.Err() == nil {
			c.log.WarnContext(ctx, "it could not be told which versions are in use", "error", err)
		}
	}
}
