package deployment

import (
	"context"
	"errors"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	atOnce = 200 // versions woken in one round; the next goes on

	settledAfter = 30 * time.Second // what changed less than this ago is left to whoever changed it
	stuckAfter   = 20 * time.Minute // what has not changed for so long is woken less often
	stuckPause   = 15 * time.Minute // between two times
	postedWithin = 2 * time.Minute  // an event that is posted within this time wakes hosts anyway
)

// Wake writes an event for each version that its host should look at although nothing else tells it to: one that should run and does not, or is
// starting for longer than half a minute, and one that runs and should not. It writes none if such an event is on its way, and at most 200 in one
// call. Sweep calls it.
func (d *Deployments) Wake(ctx context.Context) error {
	all, err := d.facts(ctx)
	woken := 0
	for _, one := range all {
		if woken == atOnce {
			break
		}
		if !one.due() {
			continue
		}
		woken++
		err = errors.Join(err, d.wake(ctx, one))
	}
	return err
}

// wake writes the event that has hosts look at a version, and records when. If the version is gone it does nothing.
func (d *Deployments) wake(ctx context.Context, f facts) error {
	return d.db.Tx(ctx, f.tenant, func(tx postgres.Tx) error {
		name, err := readName(ctx, tx, f.version)
		if postgres.NotFound(err) {
			return nil // it went with its model a moment ago
		}
		if err != nil {
			return err
		}
		if err := setWoken(ctx, tx, f.version); err != nil {
			return err
		}
		return d.events.Emit(ctx, tx, event.DeploymentWanted{Version: name, VersionID: api.ID(f.version)})
	})
}

// due reports whether Wake should have hosts look at the version.
func (f facts) due() bool {
	if f.postAt != nil && f.postAt.Before(f.at.Add(postedWithin)) {
		return false
	}
	desired := f.desired()
	if desired && f.status == api.DeploymentStarting && f.retryAt != nil {
		return !f.retryAt.After(f.at)
	}
	since := f.updatedAt
	if since == nil {
		since = f.publishedAt
	}
	if since == nil || f.at.Sub(*since) < settledAfter {
		return false
	}
	if !f.hosted() {
		return desired
	}
	if desired && f.status.Serves() {
		return false
	}
	return f.at.Sub(*since) < stuckAfter || !f.within(f.wokenAt, stuckPause)
}
