package catalog

import (
	"context"
	"fmt"

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

// The acts on models, as the audit log names them.
const (
	modelCreated audit.Action = "model.create"
	modelUpdated audit.Action = "model.update"
	modelDeleted audit.Action = "model.delete"
)

// CreateModel makes a model. It fails with Conflict if the tenant has one of that name, and with Forbidden for a key that would not see it: one that is
// limited to models makes those alone that match a pattern of its limits.
func (c *Catalog) CreateModel(ctx context.Context, who auth.Principal, in api.CreateModelRequest) (api.Model, error) {
	name := ref.Model{Tenant: who.TenantName, Name: in.Name}
	id := uuid.Must(uuid.NewV7())
	if !who.Sees(name, id) {
		return api.Model{}, fault.New(fault.Forbidden, fmt.Sprintf(
			"Your key is limited to other models than %s: make a key for a pattern that matches the name, like %s/*.", name, name.Tenant))
	}
	return postgres.Once(ctx, c.db, who.Tenant, who.Actor(), func(tx postgres.Tx) (api.Model, error) {
		epoch, err := insertModel(ctx, tx, id, who.Actor(), in)
		if err != nil {
			return api.Model{}, err
		}
		if err := audit.Record(ctx, tx, who, modelCreated, name.String()); err != nil {
			return api.Model{}, err
		}
		c.announce.tell(ctx, tx, name, epoch) // caches may hold that it is not there
		return readModel(ctx, tx, id, name.Tenant)
	})
}

// GetModel returns a model.
func (c *Catalog) GetModel(ctx context.Context, who auth.Principal, in api.ModelRequest) (api.Model, error) {
	return read(ctx, c, c.reads.models, who, in.Model, "", func(ctx context.Context, tx postgres.Tx, _ auth.Principal, id uuid.UUID) (api.Model, bool, error) {
		m, err := readModel(ctx, tx, id, in.Model.Tenant)
		return m, true, err
	})
}

// UpdateModel changes what is said about a model.
func (c *Catalog) UpdateModel(ctx context.Context, who auth.Principal, in api.UpdateModelRequest) (m api.Model, err error) {
	err = c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := lock(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		before, err := readModel(ctx, tx, id, in.Model.Tenant)
		if err != nil {
			return err
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, before.ETag()); err != nil {
			return err
		}
		if err := c.announce.Changed(ctx, tx, id, in.Model); err != nil {
			return err
		}
		if err := updateModel(ctx, tx, id, in); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, who, modelUpdated, in.Model.String()); err != nil {
			return err
		}
		m, err = readModel(ctx, tx, id, in.Model.Tenant)
		return err
	})
	return m, err
}

// DeleteModel deletes a model with all its versions; the ledger of its aliases stays. It fails with Conflict while a version is published,
// unless forced, and, where that is asked for, while there is any version.
func (c *Catalog) DeleteModel(ctx context.Context, who auth.Principal, in api.DeleteModelRequest) (struct{}, error) {
	return struct{}{}, c.db.Tx(ctx, who.Tenant, func(tx postgres.Tx) error {
		id, err := lock(ctx, tx, who, in.Model)
		if err != nil {
			return err
		}
		m, err := readModel(ctx, tx, id, in.Model.Tenant)
		if err != nil {
			return err
		}
		if err := condition.Check(in.IfMatch, in.IfNoneMatch, m.ETag()); err != nil {
			return err
		}
		if err := checkDeletable(ctx, tx, id, in); err != nil {
			return err
		}
		if err := c.announce.Changed(ctx, tx, id, in.Model); err != nil {
			return err
		}
		if err := deleteModel(ctx, tx, id); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, who, modelDeleted, in.Model.String()); err != nil {
			return err
		}
		return c.events.Emit(ctx, tx, event.ModelDeleted{Model: in.Model})
	})
}
