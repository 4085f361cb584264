package catalog

import (
	"context"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/postgres"
)

// trafficFor returns the traffic of a reference. That of an alias is its own; a version, whether or not it exists, and the highest version in a range get
// all. It fails with NotFound if there is no such alias or no version in the range, and with Unprocessable as firstIn does.
func trafficFor(ctx context.Context, tx postgres.Tx, model uuid.UUID, in api.VersionRequest) (api.Traffic, error) {
	if v, ok := in.Ref.Version(); ok {
		return api.AllTo(v), nil
	}
	if alias, ok := in.Ref.Alias(); ok {
		return trafficOf(ctx, tx, model, in.Model, alias)
	}
	wanted, _ := in.Ref.Range()
	return highestIn(ctx, tx, model, in.Model, wanted)
}

// Candidates of a range are looked at in this many steps of this many rows, so that one reference cannot hold the database up.
const (
	rangeStep  = 200
	rangeSteps = 100
)

// highestIn returns traffic that goes to the highest published version in the range, or else to the highest deprecated one. Versions that never started do
// not count. It fails with NotFound if there is none, and with Unprocessable as firstIn does.
func highestIn(ctx context.Context, tx postgres.Tx, model uuid.UUID, name ref.Model, wanted ref.Range) (api.Traffic, error) {
	for _, status := range []api.VersionStatus{api.VersionPublished, api.VersionDeprecated} {
		v, err := firstIn(ctx, tx, model, status, wanted)
		if err != nil || !v.IsZero() {
			return api.AllTo(v), err
		}
	}
	return nil, noVersion(name, wanted.String())
}

// firstIn returns the highest version of the status that lies in the range and has started once, zero if there is none. It fails with Unprocessable if the
// 20,000 highest of the status all lie outside of the range.
func firstIn(ctx context.Context, tx postgres.Tx, model uuid.UUID, status api.VersionStatus, wanted ref.Range) (ref.Version, error) {
	for step := range rangeSteps {
		versions, err := listServed(ctx, tx, model, status, rangeStep, step*rangeStep)
		if err != nil {
			return ref.Version{}, err
		}
		if v, ok := first(versions, wanted); ok || len(versions) < rangeStep {
			return v, nil
		}
	}
	return ref.Version{}, fault.New(fault.Unprocessable, "This range leads past too many versions: name one by an alias.", fault.Field("ref"))
}

// first returns the first of the versions that lies in the range, and false if there is none.
func first(versions []ref.Version, wanted ref.Range) (ref.Version, bool) {
	for _, v := range versions {
		if wanted.Holds(v) {
			return v, true
		}
	}
	return ref.Version{}, false
}
