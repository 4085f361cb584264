package deployment

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
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
