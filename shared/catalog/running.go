package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	startPatience = 5 * time.Minute  // for a version to start, where the context allows as much
	startMargin   = time.Second      // that the context must leave for the answer
	wantedAgain   = 10 * time.Second // the least time between two requests to start a version
	failedAgain   = time.Minute      // the same after a start that failed

	// The pauses between two looks of a caller at the state of a version that starts.
	firstLook   = 200 * time.Millisecond
	longestLook = 5 * time.Second
)

// running tells how far a version's start is.
type running struct {
	id         uuid.UUID
	version    ref.Version
	status     api.VersionStatus
	deployment api.DeploymentStatus
	reason     string
	since      time.Time
	failure    api.FailureKind
}

// failedFirst compares versions for a sort: those whose start failed come before all others.
func failedFirst(a, b running) int {
	failed := func(r running) int {
		if r.deployment == api.DeploymentFailed {
			return 0
		}
		return 1
	}
	return failed(a) - failed(b)
}

// serves reports whether calls can be sent to the version: it is ready, or scaled to zero and starts with the first call.
func (r running) serves() bool { return r.deployment.Serves() }

// want emits an event that asks for the start of a version, unless the version is ready, idle or starting. It emits at most one in ten seconds, or in a
// minute after a start that failed. For a version that failed it also locks the model's row, and announces the change.
func (c *Catalog) want(
	ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, v ref.Version, id uuid.UUID, deployment api.DeploymentStatus,
) error {
	again := wantedAgain
	switch deployment {
	case api.DeploymentReady, api.DeploymentIdle, api.DeploymentStarting:
		return nil
	case api.DeploymentFailed:
		again = failedAgain
	default:
	}
	failed := deployment == api.DeploymentFailed
	if failed { // calls of it are many, and few of them need the model's lock
		if due, err := mayWant(ctx, tx, id, again); err != nil || !due {
			return err
		}
		if err := lockRow(ctx, tx, model); err != nil {
			return err
		}
	}
	if set, err := setWanted(ctx, tx, id, again); err != nil || !set {
		return err
	}
	if failed { // it is shown as pending from now on
		if err := c.announce.Changed(ctx, tx, model, name); err != nil {
			return err
		}
	}
	return c.events.Emit(ctx, tx, event.DeploymentWanted{Version: fmt.Sprintf("%s@%s", name, v), VersionID: api.ID(id)})
}

// retry asks at once for the start of a version whose last start failed. It reports false, and does nothing, if that did not fail or the version serves. It
// fails with Conflict if there is no such version.
func (c *Catalog) retry(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, v ref.Version) (bool, error) {
	r, err := stateOf(ctx, tx, model, name, v)
	if err != nil || r.failure == api.FailureNone || r.serves() {
		return false, err
	}
	if err := c.announce.Changed(ctx, tx, model, name); err != nil {
		return false, err
	}
	if _, err := setWanted(ctx, tx, r.id, 0); err != nil {
		return false, err
	}
	return true, c.events.Emit(ctx, tx, event.DeploymentWanted{Version: fmt.Sprintf("%s@%s", name, v), VersionID: api.ID(r.id)})
}

// awaitRunning starts those of the versions that do not run, and waits until all run: for five minutes at most, and until a second before ctx's deadline.
// It fails with Conflict if one is not published or cannot start, with Unavailable if one is still starting when the time is over, and with ctx's error.
func (c *Catalog) awaitRunning(ctx context.Context, who auth.Principal, name ref.Model, traffic api.Traffic) error {
	begun := time.Now()
	end := begun.Add(startPatience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-startMargin).Before(end) {
		end = deadline.Add(-startMargin)
	}
	patient, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	for pauses := (backoff.Backoff{First: firstLook, Longest: longestLook}); ; {
		waiting, err := c.waiting(ctx, who, name, traffic, begun)
		if err != nil || waiting == "" {
			return err
		}
		if patient.Err() != nil {
			return fault.New(fault.Unavailable, waiting+"; the alias has not moved.", fault.RetryAfter(wantedAgain))
		}
		if err := pauses.Wait(patient); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// waiting asks for the start of those of the versions that do not run. It returns a sentence about the last of them, without a full stop, or "" if all run.
// It fails with NotFound if there is no such model, and otherwise as stoppedOf does.
func (c *Catalog) waiting(ctx context.Context, who auth.Principal, name ref.Model, traffic api.Traffic, begun time.Time) (waiting string, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := find(ctx, tx, who, name)
		if err != nil {
			return err
		}
		stopped, err := stoppedOf(ctx, tx, id, name, traffic, begun)
		if err != nil {
			return err
		}
		waiting = ""
		if len(stopped) > 0 {
			waiting = stopped[len(stopped)-1].stillStarting(name)
		}
		slices.SortStableFunc(stopped, failedFirst) // these lock the model, whose lock comes before those of versions
		for _, r := range stopped {
			if err := c.want(ctx, tx, id, name, r.version, r.id, r.deployment); err != nil {
				return err
			}
		}
		return nil
	})
	return waiting, err
}

// stoppedOf returns those of the versions that do not run. It fails with Conflict if one does not exist, is not published, or has failed to start (refuse).
func stoppedOf(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, traffic api.Traffic, begun time.Time) (stopped []running, err error) {
	for _, target := range traffic {
		r, err := stateOf(ctx, tx, model, name, target.Version)
		if err != nil {
			return nil, err
		}
		if err := r.refuse(name, target.Version, begun); err != nil {
			return nil, err
		}
		if !r.serves() {
			stopped = append(stopped, r)
		}
	}
	return stopped, nil
}

// stillStarting returns how far the start of the version is, as a sentence without a full stop.
func (r running) stillStarting(name ref.Model) string {
	if r.reason == "" {
		return fmt.Sprintf("%s@%s is still starting (%s)", name, r.version, r.deployment)
	}
	return fmt.Sprintf("%s@%s is still %s: %s", name, r.version, r.deployment, r.reason)
}

// refuse fails with Conflict if there is nothing to wait for: the version is not published, or its start failed after begun or in the minute before.
func (r running) refuse(name ref.Model, v ref.Version, begun time.Time) error {
	switch {
	case !r.status.Serves():
		return fault.New(fault.Conflict, fmt.Sprintf("%s@%s is %s: an alias leads to published versions.", name, v, r.status), fault.Field("version"))
	case r.deployment == api.DeploymentFailed && r.since.After(begun.Add(-failedAgain)):
		return fault.New(fault.Conflict, fmt.Sprintf("%s@%s cannot start: %s", name, v, r.reason), fault.Field("version"))
	default:
		return nil
	}
}
