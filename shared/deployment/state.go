package deployment

import (
	"context"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
)

// state is what a deployment's row says.
type state struct {
	status   api.DeploymentStatus
	endpoint string
	reason   string
	failure  api.FailureKind
	attempts int       // that failed since it last answered or was asked for
	retryAt  time.Time // when its host tries again; zero while it tries, or where the host alone knows
	phases   api.StartPhases
}

// instant returns the time in UTC and cut to milliseconds, as the database keeps it, so that times can be compared with ==. The zero time stays
// zero.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// orNull returns a pointer to the time, nil for the zero time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// put changes the deployment's state to next, and announces it to the caches once. If the state is the same it does nothing. It fails with Conflict
// if next's status cannot follow.
func (r *report) put(ctx context.Context, next state) error {
	if next == r.state {
		return nil
	}
	if next.status != r.status && !r.status.CanBecome(next.status) {
		return fault.New(fault.Conflict, fmt.Sprintf("The deployment of %s is %s and cannot become %s.", r.name, r.status, next.status))
	}
	if !r.raised {
		if err := r.announce.Changed(ctx, r.tx, r.modelID, r.model); err != nil {
			return err
		}
		r.raised = true
	}
	err := putState(ctx, r.tx, r.version, next)
	if err == nil {
		r.state = next
	}
	return err
}

// through takes the steps that must come before the next status, for reports that were lost: a host that says ready has also started. The status
// can then become next.
func (r *report) through(ctx context.Context, next api.DeploymentStatus) error {
	for r.status != next && !r.status.CanBecome(next) {
		step := api.DeploymentPending
		if r.status == api.DeploymentPending {
			step = api.DeploymentStarting
		}
		if err := r.put(ctx, state{status: step}); err != nil {
			return err
		}
	}
	return nil
}
