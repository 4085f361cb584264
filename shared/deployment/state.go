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

// instant makes times comparable with ==: as precise as the database keeps them, and in one zone.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// put is the one way from a state to the next. It fails with Conflict for a step that the machine does not have.
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

// through takes the steps that lie before the next status where reports were lost: a host that says ready has started.
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
