package deployment

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/event"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/outbox"
)

// Host runs model servers. Its calls are idempotent by version, return once the work is begun or done, and may come at the same time.
// It reports what it sees to Deployments: Begin, Ready, Idle, Failed.
type Host interface {
	// Start begins to run a version, or sees to it that one that runs fits the spec. An error means: not begun, try again.
	Start(ctx context.Context, s Spec) error
	// Stop ends a version's servers; of one that does not run it is no error.
	Stop(ctx context.Context, version uuid.UUID) error
	// Running gives the versions that the host runs or keeps ready to run, also those that it found when it began.
	Running(ctx context.Context) ([]uuid.UUID, error)
}

// Subscribe makes a receiver of deploy-version's events wake the host. An event is a hint: what is done follows from the rows.
func (d *Deployments) Subscribe(r *outbox.Receiver, h Host) {
	outbox.Wake(r, func(ctx context.Context, e event.Event, p event.VersionPublished) error {
		return d.Run(ctx, h, e.Tenant, p.VersionID)
	})
	outbox.Wake(r, func(ctx context.Context, e event.Event, p event.DeploymentWanted) error {
		return d.Run(ctx, h, e.Tenant, p.VersionID)
	})
	outbox.Wake(r, func(ctx context.Context, e event.Event, p event.VersionRetired) error {
		return d.Run(ctx, h, e.Tenant, p.VersionID)
	})
	outbox.Wake(r, func(ctx context.Context, _ event.Event, _ event.ModelDeleted) error { return d.Reconcile(ctx, h) })
	outbox.Wake(r, func(ctx context.Context, _ event.Event, _ event.VersionDeprecated) error { return d.Reconcile(ctx, h) })
}

// Run lets the host start a version, or stop it if it is gone or not to be served any more.
func (d *Deployments) Run(ctx context.Context, h Host, tenant, version uuid.UUID) error {
	return d.run(ctx, h, Desired{Tenant: tenant, Version: version})
}

func (d *Deployments) run(ctx context.Context, h Host, wanted Desired) error {
	s, err := d.SpecOf(ctx, wanted.Tenant, wanted.Version)
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Gone):
		return d.remove(ctx, h, wanted.Tenant, wanted.Version)
	case err != nil:
		return err
	}
	s.Warm = wanted.Warm
	if err := d.Request(ctx, s.Tenant, s.VersionID, ""); err != nil {
		return err
	}
	return h.Start(ctx, s)
}

func (d *Deployments) remove(ctx context.Context, h Host, tenant, version uuid.UUID) error {
	if err := h.Stop(ctx, version); err != nil {
		return err
	}
	return d.Removed(ctx, tenant, version)
}

// Reconcile makes the host run what should run, and nothing else. Hosts call it when they begin, and from time to time. What failed stays so
// until it is asked for again.
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
	var errs []error
	for _, one := range all {
		known[one.Version] = true
		switch {
		case !one.wanted:
			errs = append(errs, d.remove(ctx, h, one.Tenant, one.Version))
		case one.Status != Failed:
			errs = append(errs, d.run(ctx, h, one.Desired))
		}
	}
	for _, version := range running {
		if !known[version] { // its model is deleted, or it failed and was kept
			errs = append(errs, h.Stop(ctx, version))
		}
	}
	return errors.Join(errs...)
}
