// Package catalog is the registry: models, their versions as lists of files, publication, aliases and what they point at, comparison.
//
// A version is a draft until it is published, and never changes afterwards. Aliases point only at versions that were seen to start.
// Every write that changes what Resolve answers raises the model's epoch and is announced (Announce).
//
// Lock order within a transaction: the model's row, then a version's, then a deployment's.
package catalog

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Catalog keeps the models of all tenants. It is safe for concurrent use.
type Catalog struct {
	db       *postgres.DB
	events   *outbox.Outbox
	announce Announce
}

// New returns the catalog. announce may be nil where no cache is to be told.
func New(db *postgres.DB, events *outbox.Outbox, announce Announce) *Catalog {
	return &Catalog{db: db.As(postgres.Catalog), events: events, announce: announce}
}

// Announce tells caches that what Resolve answers for a model changes. It is called twice for each write: before the commit and again
// after it. It must return soon, and tell nobody of its own failures: a cache that cannot be told lives shortly (data.md, Cache).
type Announce func(ctx context.Context, m ref.Model, epoch int64)

// Changed raises the model's epoch, which locks its row, and announces it before and after the commit. A write that moves something
// that Resolve answers calls it first, so that writers of one model stand in line.
func (a Announce) Changed(ctx context.Context, tx postgres.Tx, id uuid.UUID, m ref.Model) error {
	epoch, err := raiseEpoch(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("raise the epoch of %s: %w", m, err)
	}
	a.tell(ctx, tx, m, epoch)
	return nil
}

func (a Announce) tell(ctx context.Context, tx postgres.Tx, m ref.Model, epoch int64) {
	if a == nil {
		return
	}
	a(ctx, m, epoch)
	after := context.WithoutCancel(ctx) // the commit stands, whether or not the client still waits
	tx.OnCommit(func() { a(after, m, epoch) })
}

func noModel(m ref.Model) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", m), fault.Field("model"))
}
