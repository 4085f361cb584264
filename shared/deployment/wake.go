package deployment

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	dueSQL = `select tenant_id, version_id, name from deployments_due($1, $2)`
	atOnce = 200 // woken in one round; the next goes on
)

// Wake has the hosts look at versions that nothing else makes them look at: what should run and does not, or is on its way for longer than
// half a minute, and what runs and should not. It asks for none that is asked for already.
func (d *Deployments) Wake(ctx context.Context) error {
	due, err := d.due(ctx)
	for _, one := range due {
		err = errors.Join(err, d.db.Tx(ctx, one.tenant, func(tx postgres.Tx) error { return d.events.Emit(ctx, tx, one.wanted) }))
	}
	return err
}

// dueVersion is a version that hosts should look at.
type dueVersion struct {
	tenant uuid.UUID
	wanted event.DeploymentWanted
}

func (d *Deployments) due(ctx context.Context) (all []dueVersion, err error) {
	err = d.db.As(postgres.Sweep).Definer(ctx, func(tx postgres.Tx) error {
		rows, err := tx.Query(ctx, dueSQL, string(event.DeploymentWanted{}.EventType()), atOnce)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (due dueVersion, err error) {
			err = row.Scan(&due.tenant, &due.wanted.VersionID, &due.wanted.Version)
			return due, err
		})
		return err
	})
	return all, err
}
