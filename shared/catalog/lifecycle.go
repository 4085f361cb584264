package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	versionUpdated    audit.Action = "version.update"
	versionDeprecated audit.Action = "version.deprecate"
	versionRetired    audit.Action = "version.retire"
)

// UpdateVersion changes what is said about a draft. It fails with Conflict once the version is published.
func (c *Catalog) UpdateVersion(ctx context.Context, who auth.Principal, in api.UpdateVersionRequest) (api.Version, error) {
	return c.change(ctx, who, in.Model, in.Version, func(ch change) error {
		if ch.before.Status != api.VersionDraft {
			return notDraft(in.Model, in.Version, ch.before.Status)
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, ch.before.ETag()); err != nil {
			return err
		}
		if err := updateDraft(ctx, ch.tx, uuid.UUID(ch.before.ID), in); err != nil {
			return err
		}
		return audit.Record(ctx, ch.tx, who, versionUpdated, ch.name)
	})
}

// Deprecate marks a published version; again, it changes reason and sunset. Aliases that follow by themselves leave it for a version that is not
// deprecated, if there is one.
func (c *Catalog) Deprecate(ctx context.Context, who auth.Principal, in api.DeprecateRequest) (api.Version, error) {
	if !in.Sunset.After(time.Now()) {
		return api.Version{}, fault.InvalidField("sunset", "must lie in the future")
	}
	return c.change(ctx, who, in.Model, in.Version, func(ch change) error {
		if err := ch.published(); err != nil {
			return err
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, ch.before.ETag()); err != nil {
			return err
		}
		if err := c.announce.Changed(ctx, ch.tx, ch.model, in.Model); err != nil {
			return err
		}
		if err := setDeprecated(ctx, ch.tx, uuid.UUID(ch.before.ID), string(in.Reason), in.Sunset); err != nil {
			return err
		}
		if err := (mover{ch.tx, c.events, who, ch.model, in.Model}).follow(ctx, in.Version, "deprecated", nil); err != nil {
			return err
		}
		if err := audit.Record(ctx, ch.tx, who, versionDeprecated, ch.name); err != nil {
			return err
		}
		return c.events.Emit(ctx, ch.tx, event.VersionDeprecated{Version: ch.name, Reason: string(in.Reason), Sunset: in.Sunset.UTC()})
	})
}

// Retire takes a version away for good: it is stopped, and whoever asks for it is told that it is gone. One that is not deprecated yet is
// deprecated with it. Aliases that follow by themselves leave it. It fails with Conflict while an alias that someone set leads to it.
func (c *Catalog) Retire(ctx context.Context, who auth.Principal, in api.RetireRequest) (api.Version, error) {
	return c.change(ctx, who, in.Model, in.Version, func(ch change) error {
		if err := ch.published(); err != nil {
			return err
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, ch.before.ETag()); err != nil {
			return err
		}
		alias, err := setAliasTo(ctx, ch.tx, ch.model, in.Version)
		if err != nil {
			return err
		}
		if alias != "" {
			return fault.New(fault.Conflict, fmt.Sprintf("The alias %s leads to %s: move it first.", alias, ch.name), fault.Field("version"))
		}
		if err := c.announce.Changed(ctx, ch.tx, ch.model, in.Model); err != nil {
			return err
		}
		return c.retire(ctx, who, in, ch)
	})
}

// retire retires the version, and deprecates it first if it is not deprecated. Derived aliases leave it; the audit log and an event tell of it. The reason
// is the request's, else the deprecation's, else "retired".
func (c *Catalog) retire(ctx context.Context, who auth.Principal, in api.RetireRequest, ch change) error {
	reason := string(in.Reason)
	switch {
	case reason != "":
	case ch.before.Deprecation != nil:
		reason = string(ch.before.Deprecation.Reason)
	default:
		reason = "retired"
	}
	if ch.before.Status == api.VersionPublished {
		if err := setDeprecated(ctx, ch.tx, uuid.UUID(ch.before.ID), reason, time.Now()); err != nil {
			return err
		}
	}
	if err := setRetired(ctx, ch.tx, uuid.UUID(ch.before.ID)); err != nil {
		return err
	}
	if err := (mover{ch.tx, c.events, who, ch.model, in.Model}).follow(ctx, in.Version, "retired", nil); err != nil {
		return err
	}
	if err := audit.Record(ctx, ch.tx, who, versionRetired, ch.name); err != nil {
		return err
	}
	return c.events.Emit(ctx, ch.tx, event.VersionRetired{Version: ch.name, VersionID: ch.before.ID, Reason: reason})
}

// change is a version that is being changed, under the lock of its model's row.
type change struct {
	tx     postgres.Tx
	model  uuid.UUID
	name   string // "acme/fraud@1.4.0"
	before api.Version
}

// published fails with Conflict if the version is a draft, and with Gone if it is retired.
func (ch change) published() error {
	switch ch.before.Status {
	case api.VersionDraft:
		return fault.New(fault.Conflict, ch.name+" is a draft: publish it first.", fault.Field("version"))
	case api.VersionRetired:
		return retired(ch.before.Model, ch.before.Version)
	default:
		return nil
	}
}

// change runs do for a version in a transaction, under the lock of its model's row, and returns the version as it is afterwards. It fails with NotFound if
// there is no such model or version, and with do's error. With an Idempotency-Key, do takes effect once (postgres.Once).
func (c *Catalog) change(ctx context.Context, who auth.Principal, m ref.Model, v ref.Version, do func(change) error) (api.Version, error) {
	return postgres.Once(ctx, c.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Version, error) {
		id, err := lock(ctx, tx, who, m)
		if err != nil {
			return api.Version{}, err
		}
		before, err := readVersion(ctx, tx, who, id, m, v)
		if err != nil {
			return api.Version{}, err
		}
		if err := do(change{tx, id, fmt.Sprintf("%s@%s", m, v), before}); err != nil {
			return api.Version{}, err
		}
		return readVersion(ctx, tx, who, id, m, v)
	})
}

// due is a version whose sunset has come.
type due struct {
	Tenant  uuid.UUID
	Owner   string
	Model   string
	Version string
}

// RetireDue retires versions past their sunset, of all tenants, up to the number most, and returns how many it
// retired. A version that an alias leads to is left, and a failure of one does not stop the others, except that it
// stops when the database is unavailable or ctx ends. The errors are joined. function is the function that calls it
// (sweep), for the audit trail.
func (c *Catalog) RetireDue(ctx context.Context, function string, most int) (count int, err error) {
	var all []due
	err = c.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) (err error) {
		all, err = listDue(ctx, tx, most)
		return err
	})
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, d := range all {
		err := c.retireDue(ctx, function, d)
		switch {
		case err == nil:
			count++
		case fault.Is(err, fault.Unavailable) || ctx.Err() != nil:
			return count, errors.Join(append(errs, err)...)
		case !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone): // what changed since is no failure
			errs = append(errs, fmt.Errorf("retire %s/%s@%s: %w", d.Owner, d.Model, d.Version, err))
		}
	}
	return count, errors.Join(errs...)
}

// retireDue retires the version in the name of the function. It fails as Retire does.
func (c *Catalog) retireDue(ctx context.Context, function string, d due) error {
	version, err := ref.ParseVersion(d.Version)
	if err != nil {
		return err
	}
	in := api.RetireRequest{Model: ref.Model{Tenant: ref.Tenant(d.Owner), Name: ref.Name(d.Model)}, Version: version, Reason: "its sunset has come"}
	_, err = c.Retire(ctx, auth.System(function, d.Tenant, in.Model.Tenant), in)
	return err
}
