package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/backoff"
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

// deploymentStatus and deploymentFailure are those of the version v and its deployment d, as others see them. What has failed and was asked for since is
// pending: its host has only not heard of it yet.
const (
	deploymentStatus  = `case when d.status = 'failed' and v.wanted_at > d.updated_at then 'pending' else coalesce(d.status, 'none') end`
	deploymentFailure = `case d.status when 'starting' then d.failure when 'failed' then coalesce(nullif(d.failure, ''), 'lasting') else '' end`
)

const (
	deploymentSQL = `
		select v.id, v.status, ` + deploymentStatus + `, coalesce(d.reason, ''), coalesce(d.updated_at, v.created_at), ` + deploymentFailure + `
		from versions v left join deployments d on d.version_id = v.id
		where v.model_id = $1 and v.version = $2`
	wantSQL = `
		update versions set wanted_at = clock_timestamp()
		where id = $1 and (wanted_at is null or wanted_at < clock_timestamp() - $2::bigint * interval '1 millisecond')`
)

// running tells how far a version's start is.
type running struct {
	id         uuid.UUID
	status     api.VersionStatus
	deployment api.DeploymentStatus
	reason     string
	since      time.Time
	failure    api.FailureKind
}

// serves reports whether calls can be sent: also to one that is scaled to zero, which starts with the first.
func (r running) serves() bool { return r.deployment.Serves() }

func stateOf(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, v ref.Version) (r running, err error) {
	err = tx.QueryRow(ctx, deploymentSQL, model, v.String()).Scan(&r.id, &r.status, &r.deployment, &r.reason, &r.since, &r.failure)
	if postgres.NotFound(err) {
		return r, fault.New(fault.Conflict, fmt.Sprintf("There is no version %s@%s.", name, v), fault.Field("version"))
	}
	return r, err
}

// want asks for the start of a version that does not run, but not more often than each wantedAgain.
func (c *Catalog) want(ctx context.Context, tx postgres.Tx, name ref.Model, v ref.Version, id uuid.UUID, deployment api.DeploymentStatus) error {
	again := wantedAgain
	switch deployment {
	case api.DeploymentReady, api.DeploymentIdle, api.DeploymentStarting:
		return nil
	case api.DeploymentFailed:
		again = failedAgain
	default:
	}
	tag, err := tx.Exec(ctx, wantSQL, id, again.Milliseconds())
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return c.events.Emit(ctx, tx, event.DeploymentWanted{Version: fmt.Sprintf("%s@%s", name, v), VersionID: api.ID(id)})
}

// retry asks for the start of a version whose last start failed, at once, and reports whether that is so.
func (c *Catalog) retry(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, v ref.Version) (bool, error) {
	r, err := stateOf(ctx, tx, model, name, v)
	if err != nil || r.failure == api.FailureNone || r.serves() {
		return false, err
	}
	if _, err := tx.Exec(ctx, wantSQL, r.id, 0); err != nil {
		return false, err
	}
	return true, c.events.Emit(ctx, tx, event.DeploymentWanted{Version: fmt.Sprintf("%s@%s", name, v), VersionID: api.ID(r.id)})
}

// awaitRunning starts those of the versions that do not run, and waits until they do. It fails with Conflict if one is not published or
// cannot start, and with Unavailable if one is still starting when the time is over.
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

// waiting asks for what does not run, and says what is still to be waited for, "" for nothing.
func (c *Catalog) waiting(ctx context.Context, who auth.Principal, name ref.Model, traffic api.Traffic, begun time.Time) (waiting string, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		waiting = ""
		id, err := find(ctx, tx, who, name)
		if err != nil {
			return err
		}
		for _, share := range traffic {
			r, err := stateOf(ctx, tx, id, name, share.Version)
			if err != nil {
				return err
			}
			if err := r.refuse(name, share.Version, begun); err != nil {
				return err
			}
			if r.serves() {
				continue
			}
			waiting = fmt.Sprintf("%s@%s is still starting (%s)", name, share.Version, r.deployment)
			if r.reason != "" {
				waiting = fmt.Sprintf("%s@%s is still %s: %s", name, share.Version, r.deployment, r.reason)
			}
			if err := c.want(ctx, tx, name, share.Version, r.id, r.deployment); err != nil {
				return err
			}
		}
		return nil
	})
	return waiting, err
}

// refuse fails if there is nothing to wait for: the version is not published, or it failed since the waiting began or a little before.
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
