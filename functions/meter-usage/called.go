package function

import (
	"context"
	"log/slog"
	"time"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/usage"
)

// useReporter reports which versions are in use, so that they keep running. It drops batches that come faster than it can report them: a report is
// exact to a minute only.
type useReporter struct {
	log         *slog.Logger
	deployments *deployment.Deployments
	batches     chan event.InferenceCompleted
}

// note passes a batch of calls to run. It does not wait: if as many batches are waiting as the channel holds, it drops this one.
func (r *useReporter) note(batch event.InferenceCompleted) {
	select {
	case r.batches <- batch:
	default: // the next one says the same
	}
}

// run calls markInUse for each batch of note, until ctx ends.
func (r *useReporter) run(ctx context.Context) {
	for {
		select {
		case batch := <-r.batches:
			r.markInUse(ctx, batch)
		case <-ctx.Done():
			return
		}
	}
}

// markInUse records that the versions of the batch's calls were called now. It logs errors.
func (r *useReporter) markInUse(ctx context.Context, batch event.InferenceCompleted) {
	for tenant, versions := range usage.Called(batch) {
		if err := r.deployments.Called(ctx, tenant, versions, time.Now()); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "it could not be told which versions are in use", "error", err)
		}
	}
}
