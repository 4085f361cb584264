package deployment

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	previousTargets = 5                  // of an alias: as many of its last moves are looked at
	calledWithin    = 7 * 24 * time.Hour // what was called keeps its deployment for so long
	wantedWithin    = 10 * time.Minute   // what was asked for is started within this time, or not at all
	guardWindow     = 10 * time.Minute   // after an alias left a version, in which it is kept warm for a rollback
)

// facts are what the database knows of a version and of its deployment. Times are nil for what has not happened.
type facts struct {
	at      time.Time // the database's time
	tenant  uuid.UUID
	version uuid.UUID

	versionStatus api.VersionStatus
	publishedAt   *time.Time
	readyAt       *time.Time // when it was seen to start for the first time
	wantedAt      *time.Time // when its start was last asked for

	status    api.DeploymentStatus // DeploymentNone without a deployment, and then the next four are nil
	updatedAt *time.Time
	calledAt  *time.Time
	retryAt   *time.Time // when a start that failed is tried again
	wokenAt   *time.Time // when hosts were last asked to look at it although nothing had changed

	target bool       // an alias leads to it
	leftAt *time.Time // when an alias last left it, among the alias's last moves
	postAt *time.Time // when the next event that asks for it is posted, if one is on its way
}

// within reports whether t is less than d before the facts were read. It is false for nil.
func (f facts) within(t *time.Time, d time.Duration) bool {
	return t != nil && t.After(f.at.Add(-d))
}

// served reports whether the version is published and not retired.
func (f facts) served() bool { return f.versionStatus.Serves() }

// needed reports whether there is a reason to run the version: an alias leads to it or led to it before, it was called or asked for, or it was
// published and has neither started nor failed yet.
func (f facts) needed() bool {
	unstarted := f.versionStatus == api.VersionPublished && f.readyAt == nil && f.status != api.DeploymentFailed
	return f.target || f.leftAt != nil || f.within(f.calledAt, calledWithin) || f.within(f.wantedAt, wantedWithin) || unstarted
}

// startable reports whether a start may be tried: the last one did not fail, or the version was requested after that.
func (f facts) startable() bool {
	return f.status != api.DeploymentFailed || f.wantedAt != nil && f.wantedAt.After(*f.updatedAt)
}

// desired reports whether the version should run.
func (f facts) desired() bool { return f.needed() && f.served() && f.startable() }

// hosted reports whether a host has something to do with the deployment: to start it, to run it, or to stop it.
func (f facts) hosted() bool { return slices.Contains(hostedStatuses, f.status) }

var hostedStatuses = []api.DeploymentStatus{api.DeploymentPending, api.DeploymentStarting, api.DeploymentReady, api.DeploymentIdle}

// Desired is a version that should run.
type Desired struct {
	Tenant  uuid.UUID
	Version uuid.UUID
	Status  api.DeploymentStatus // as it is now
	Warm    bool                 // as in Spec
}

// planned is a version that should run, or one that should not but whose row says that it does.
type planned struct {
	Desired

	wanted bool
	served bool // it is published, and not retired
}

// planned returns what the facts imply: whether the version should run.
func (f facts) planned() planned {
	return planned{
		Desired: Desired{Tenant: f.tenant, Version: f.version, Status: f.status, Warm: f.within(f.leftAt, guardWindow)},
		wanted:  f.desired(), served: f.served(),
	}
}

// Desired returns the versions of all tenants that should run: the targets of aliases and their five targets before, those called within 7 days,
// and those just published or requested, unless they failed since. Anything else that a host runs should be stopped.
func (d *Deployments) Desired(ctx context.Context) ([]Desired, error) {
	all, err := d.plan(ctx)
	var wanted []Desired
	for _, one := range all {
		if one.wanted {
			wanted = append(wanted, one.Desired)
		}
	}
	return wanted, err
}

// plan returns all versions that should run, or that should not but have a deployment at a host. Those that were not called for longest come first.
func (d *Deployments) plan(ctx context.Context) ([]planned, error) {
	all, err := d.facts(ctx)
	if err != nil {
		return nil, err
	}
	plan := make([]planned, 0, len(all))
	for _, one := range all {
		if one.needed() || one.hosted() {
			plan = append(plan, one.planned())
		}
	}
	return plan, nil
}

// facts returns the facts of all versions that may have to run, start or stop.
func (d *Deployments) facts(ctx context.Context) (all []facts, err error) {
	err = d.db.Definer(ctx, func(tx postgres.Tx) (err error) {
		all, err = readFacts(ctx, tx)
		return err
	})
	return all, err
}

// planOf returns the plan of one version, also if it has no reason to run. found is false if there is no such version.
func (d *Deployments) planOf(ctx context.Context, version uuid.UUID) (p planned, found bool, err error) {
	err = d.db.Definer(ctx, func(tx postgres.Tx) error {
		f, err := readFactsOf(ctx, tx, version)
		if postgres.NotFound(err) {
			return nil
		}
		p, found = f.planned(), err == nil
		return err
	})
	return p, found, err
}
