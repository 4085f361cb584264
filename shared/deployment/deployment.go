// Package deployment knows which versions should run and how far each is. It starts nothing itself: a Host does, and tells this package what
// it sees. There is one host on a machine (the supervisor of `maas up`) and one on a cluster (KServe, through deploy-version).
//
// A published version without a row has never been asked for. Every change of state is seen by Resolve, and so raises the model's epoch.
package deployment

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Deployments keeps the states of all tenants' model servers. It is safe for concurrent use, and for several hosts' reports at the same time.
type Deployments struct {
	db           *postgres.DB
	events       *outbox.Outbox
	announce     catalog.Announce
	longestPause time.Duration // between two tries of a start that fails for a passing reason
	exceeded     *prometheus.CounterVec
}

// New returns the deployments. announce may be nil if there is no cache to invalidate.
func New(db *postgres.DB, events *outbox.Outbox, announce catalog.Announce) *Deployments {
	return &Deployments{
		db: db.As(postgres.Deployment), events: events, announce: announce, longestPause: defaultLongestPause, exceeded: newExceeded(),
	}
}

// function is who acts where a host reports.
const function = "deploy-version"

const (
	deploymentReady  audit.Action = "deployment.ready"
	deploymentFailed audit.Action = "deployment.failed"
)

// Request makes a version pending, so that it waits for its host: one that never ran, failed, was removed, or lost its host. It does nothing for
// one that is starting, runs or is not to be served. reason says what the version waits for, "" for nothing in particular.
func (d *Deployments) Request(ctx context.Context, tenant, version uuid.UUID, reason string) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if !r.served || r.status == api.DeploymentStarting || r.status.Serves() || r.status == api.DeploymentPending && reason == "" {
			return nil
		}
		return r.put(ctx, state{status: api.DeploymentPending, reason: reason})
	})
}

// Begin records that the host has begun to start a version. It does nothing for a version that answers already or is not to be served any more. The
// reason for which the last start failed stays until this one ends.
func (d *Deployments) Begin(ctx context.Context, tenant, version uuid.UUID) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if !r.served || r.status.Serves() {
			return nil
		}
		if r.status == api.DeploymentStarting {
			return r.put(ctx, state{status: api.DeploymentStarting, reason: r.reason, failure: r.failure, attempts: r.attempts})
		}
		if err := r.through(ctx, api.DeploymentStarting); err != nil {
			return err
		}
		return r.put(ctx, state{status: api.DeploymentStarting})
	})
}

// Lost records that a version that answered is gone from its host, so that it is pending again. It does nothing for any other.
func (d *Deployments) Lost(ctx context.Context, tenant, version uuid.UUID) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if !r.status.Serves() {
			return nil
		}
		return r.put(ctx, state{status: api.DeploymentPending})
	})
}

// Ready records that a version answers at the endpoint, the base URL of its Open Inference Protocol server. It writes the event and the entry in
// the audit log, and moves the aliases that wait for the version to start. It does nothing if the version is not to be served any more, or all this
// is known; a version that was idle only changes its state.
func (d *Deployments) Ready(ctx context.Context, tenant, version uuid.UUID, endpoint string, phases api.StartPhases) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if !r.served || r.status == api.DeploymentReady && r.endpoint == endpoint {
			return nil
		}
		woke := r.status == api.DeploymentIdle // its endpoint is the same, and nobody wants to hear of each call after a pause
		if err := r.through(ctx, api.DeploymentReady); err != nil {
			return err
		}
		if err := r.put(ctx, state{status: api.DeploymentReady, endpoint: endpoint, phases: phases}); err != nil || woke {
			return err
		}
		if err := catalog.Started(ctx, r.tx, d.events, r.who, version); err != nil {
			return err
		}
		if err := audit.Record(ctx, r.tx, r.who, deploymentReady, r.name); err != nil {
			return err
		}
		return d.events.Emit(ctx, r.tx, event.DeploymentReady{Version: r.name, VersionID: api.ID(version), Endpoint: endpoint, Phases: phases})
	})
}

// Idle records that a ready version is scaled to zero. It keeps its endpoint, where the next call starts it. It does nothing for a version that is
// not ready.
func (d *Deployments) Idle(ctx context.Context, tenant, version uuid.UUID) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if r.status != api.DeploymentReady {
			return nil // what has failed or gone since does not come back by a late report
		}
		return r.put(ctx, state{status: api.DeploymentIdle, endpoint: r.endpoint, phases: r.phases})
	})
}

// Moved records that an idle version has another endpoint than before, because its host was restarted. It does nothing for a version that is not
// idle.
func (d *Deployments) Moved(ctx context.Context, tenant, version uuid.UUID, endpoint string) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if r.status != api.DeploymentIdle {
			return nil
		}
		return r.put(ctx, state{status: api.DeploymentIdle, endpoint: endpoint, phases: r.phases})
	})
}

// Damaged records in the audit log that the store does not hold a version as it was published, as a start has found. It does not change the state:
// the failed start is reported by Failed or Retry.
func (d *Deployments) Damaged(ctx context.Context, tenant, version uuid.UUID, why string) error {
	return d.report(ctx, tenant, version, func(r *report) error { return catalog.RecordDamage(ctx, r.tx, r.who, r.name, why) })
}

// Removed records that a version does not run any more, and should not. It does nothing for one that never ran.
func (d *Deployments) Removed(ctx context.Context, tenant, version uuid.UUID) error {
	return d.report(ctx, tenant, version, func(r *report) error {
		if r.status == api.DeploymentNone {
			return nil
		}
		return r.put(ctx, state{status: api.DeploymentRemoved})
	})
}

// calledEach is how exact the times of calls are: a row is not written again for a call so soon after the one that it has.
const calledEach = time.Minute

// Called records that versions were called at the time, exact to the minute. A version that was called within 7 days keeps its deployment.
func (d *Deployments) Called(ctx context.Context, tenant uuid.UUID, versions []uuid.UUID, at time.Time) error {
	return d.db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		return setCalled(ctx, tx, versions, at)
	})
}

// report is one change of a deployment's state, in a transaction that holds the lock of the model's row.
type report struct {
	state
	subject

	tx       postgres.Tx
	who      auth.Principal
	version  uuid.UUID
	announce catalog.Announce
	served   bool // the version is published, and not retired
	raised   bool // the model's epoch
}

// report runs do in a transaction that has locked the version's model, with the version's present state. It returns do's error. If the version is
// gone it does nothing.
func (d *Deployments) report(ctx context.Context, tenant, version uuid.UUID, do func(*report) error) error {
	return d.db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		of, err := lock(ctx, tx, version)
		if postgres.NotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		now, served, err := readState(ctx, tx, version)
		if err != nil {
			return err
		}
		who := auth.System(function, tenant, of.model.Tenant)
		return do(&report{state: now, served: served, subject: of, tx: tx, who: who, version: version, announce: d.announce})
	})
}

// subject is whose deployment it is.
type subject struct {
	modelID uuid.UUID
	model   ref.Model
	name    string // "acme/fraud@1.4.0"
}

// StatusOf returns the status of a version's deployment, DeploymentNone if it has none or the version is gone.
func (d *Deployments) StatusOf(ctx context.Context, tenant, version uuid.UUID) (s api.DeploymentStatus, err error) {
	err = d.db.Tx(ctx, tenant, func(tx postgres.Tx) (err error) {
		s, err = readStatus(ctx, tx, version)
		return err
	})
	return s, err
}
