package deployment

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/outbox"
)

// Host runs model servers. Its calls are idempotent by version, return once the work is begun or done, and may come at the same time.
// It reports what it sees to Deployments: Begin, Ready, Idle, Lost, Retry, Failed.
type Host interface {
	// Start begins to run a version, not before s.RetryAt, or sees to it that one that runs fits the spec. An error means: not begun, try again.
	Start(ctx context.Context, s Spec) error
	// Stop ends a version's servers; of one that does not run it is no error.
	Stop(ctx context.Context, version uuid.UUID) error
	// Running returns the versions that the host runs or keeps ready to run, also those that it found when it began.
	Running(ctx context.Context) ([]uuid.UUID, error)
}

// Subscribe has the events of deploy-version reconcile the host. An event only says where to look: what is done follows from the rows.
func (d *Deployments) Subscribe(r *outbox.Receiver, h Host) {
	outbox.Wake(r, func(ctx context.Context, _ cloudevent.Event, p event.VersionPublished) error {
		return d.Run(ctx, h, uuid.UUID(p.VersionID))
	})
	outbox.Wake(r, func(ctx context.Context, _ cloudevent.Event, p event.DeploymentWanted) error {
		return d.Run(ctx, h, uuid.UUID(p.VersionID))
	})
	outbox.Wake(r, func(ctx context.Context, _ cloudevent.Event, p event.VersionRetired) error {
		return d.Run(ctx, h, uuid.UUID(p.VersionID))
	})
	outbox.Wake(r, func(ctx context.Context, _ cloudevent.Event, _ event.ModelDeleted) error {
		return d.Reconcile(ctx, h)
	})
	outbox.Wake(r, func(ctx context.Context, _ cloudevent.Event, _ event.VersionDeprecated) error {
		return d.Reconcile(ctx, h)
	})
}

// Run reconciles a version of any tenant: it has the host start the version if it should run, and stop it if it is gone, retired or not needed. A
// version that failed is not started until it is requested again.
func (d *Deployments) Run(ctx context.Context, h Host, version uuid.UUID) error {
	p, found, err := d.planOf(ctx, version)
	if err != nil {
		return err
	}
	if !found {
		return h.Stop(ctx, version) // it went with its model
	}
	return d.settle(ctx, h, p)
}

// settle makes the host start or stop one version as planned, and records that a stopped one is removed. A version that failed keeps its row, which
// says why.
func (d *Deployments) settle(ctx context.Context, h Host, p planned) error {
	switch {
	case p.wanted:
		return d.start(ctx, h, p.Desired)
	case p.Status == api.DeploymentFailed && p.served:
		return h.Stop(ctx, p.Version) // its row says why, to whoever asks
	default:
		return d.remove(ctx, h, p.Tenant, p.Version)
	}
}

// start makes a version pending if it neither runs nor starts, and has the host start it. If the version is gone or retired by now, it is removed
// instead.
func (d *Deployments) start(ctx context.Context, h Host, wanted Desired) error {
	s, err := d.SpecOf(ctx, wanted.Tenant, wanted.Version)
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Gone): // a moment ago
		return d.remove(ctx, h, wanted.Tenant, wanted.Version)
	case err != nil:
		return err
	}
	s.Status, s.Warm = wanted.Status, wanted.Warm
	switch {
	case wanted.Status == api.DeploymentNone, wanted.Status == api.DeploymentFailed, wanted.Status == api.DeploymentRemoved:
		err = d.Request(ctx, s.Tenant, s.VersionID, "")
	case s.Again && !wanted.Status.Serves():
		err = d.again(ctx, s.Tenant, s.VersionID)
	}
	if err != nil {
		return err
	}
	return h.Start(ctx, s)
}

// remove has the host stop a version, and records that it is removed.
func (d *Deployments) remove(ctx context.Context, h Host, tenant, version uuid.UUID) error {
	if err := h.Stop(ctx, version); err != nil {
		return err
	}
	return d.Removed(ctx, tenant, version)
}

// Reconcile makes the host run all versions that should run, and stop all others. Hosts call it when they begin, and from time to time if sweep
// does not wake them. An error of one version does not stop the others; it returns the first few errors and the number of the rest.
func (d *Deployments) Reconcile(ctx context.Context, h Host) error {
	all, err := d.plan(ctx)
	if err != nil {
		return err
	}
	running, err := h.Running(ctx)
	if err != nil {
		return err
	}
	known := map[uuid.UUID]bool{}
	var failed failures
	for _, one := range all {
		known[one.Version] = true
		failed.add(one.Version, d.settle(ctx, h, one))
	}
	for _, version := range running {
		if !known[version] { // its model is deleted, or it failed and was kept
			failed.add(version, h.Stop(ctx, version))
		}
	}
	return failed.join()
}

// failures are what kept versions from being reconciled. What is the matter with a host is the same for all of them, and a few tell it.
type failures struct {
	first []error
	count int
}

const failuresTold = 3

// add counts the error of a version, and keeps it if it is one of the first. It ignores nil.
func (f *failures) add(version uuid.UUID, err error) {
	if err == nil {
		return
	}
	f.count++
	if len(f.first) < failuresTold {
		f.first = append(f.first, fmt.Errorf("version %s: %w", version, err))
	}
}

// join returns the errors that were kept, and the number of the others, as one error; nil if there are none.
func (f *failures) join() error {
	if more := f.count - len(f.first); more > 0 {
		f.first = append(f.first, fmt.Errorf("and %d more", more))
	}
	return errors.Join(f.first...)
}
