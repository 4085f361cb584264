package deployment

import (
	"context"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
)

// Follows reports whether the state machine has the step; staying is one.
func Follows(from, to api.DeploymentStatus) bool {
	return from == to || from.CanBecome(to)
}

// Planned is what Deployments decide of a version.
type Planned struct {
	Version uuid.UUID
	Status  api.DeploymentStatus
	Desired bool
	Served  bool
	Warm    bool
}

func exported(p planned) Planned { return Planned{p.Version, p.Status, p.wanted, p.served, p.Warm} }

// Plan returns the plan of all versions.
func (d *Deployments) Plan(ctx context.Context) (all []Planned, err error) {
	plan, err := d.plan(ctx)
	for _, one := range plan {
		all = append(all, exported(one))
	}
	return all, err
}

// PlanOf returns the plan of one version.
func (d *Deployments) PlanOf(ctx context.Context, version uuid.UUID) (Planned, bool, error) {
	p, found, err := d.planOf(ctx, version)
	return exported(p), found, err
}

// Due returns the versions that are due.
func (d *Deployments) Due(ctx context.Context) (due []uuid.UUID, err error) {
	all, err := d.facts(ctx)
	for _, one := range all {
		if one.due() {
			due = append(due, one.version)
		}
	}
	return due, err
}
