package deployment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/postgres"
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

const (
	readStateSQL = `
		select coalesce(d.status, 'none'), coalesce(d.endpoint, ''), coalesce(d.reason, ''), coalesce(d.failure, ''), coalesce(d.attempts, 0), d.retry_at,
			coalesce(d.schedule_ms, 0), coalesce(d.fetch_ms, 0), coalesce(d.load_ms, 0), v.status in ('published', 'deprecated')
		from versions v left join deployments d on d.version_id = v.id
		where v.id = $1`
	putStateSQL = `
		insert into deployments (version_id, status, endpoint, reason, failure, attempts, retry_at, schedule_ms, fetch_ms, load_ms)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (version_id) do update set status = excluded.status, endpoint = excluded.endpoint, reason = excluded.reason,
			failure = excluded.failure, attempts = excluded.attempts, retry_at = excluded.retry_at,
			schedule_ms = excluded.schedule_ms, fetch_ms = excluded.fetch_ms, load_ms = excluded.load_ms, updated_at = clock_timestamp()`
)

// readState gives a deployment's state and whether its version is to be served. The model's lock, which the caller holds, keeps both as they are.
func readState(ctx context.Context, tx postgres.Tx, version uuid.UUID) (s state, served bool, err error) {
	var retryAt *time.Time
	err = tx.QueryRow(ctx, readStateSQL, version).Scan(&s.status, &s.endpoint, &s.reason, &s.failure, &s.attempts, &retryAt,
		&s.phases.Schedule, &s.phases.Fetch, &s.phases.Load, &served)
	if retryAt != nil {
		s.retryAt = instant(*retryAt)
	}
	return s, served, err
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
	_, err := r.tx.Exec(ctx, putStateSQL, r.version, string(next.status), next.endpoint, next.reason,
		string(next.failure), next.attempts, orNull(next.retryAt), next.phases.Schedule, next.phases.Fetch, next.phases.Load)
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
