// Package catalog is the registry: models, their versions as lists of files, publication, aliases and what they point at, comparison.
//
// A version is a draft until it is published, and never changes afterwards. Aliases point only at versions that were seen to start.
// What is read of one model is kept by shared/cache (read), with the model's epoch. Every write that changes what such a read or Resolve
// answers raises the epoch and is announced (Announce). Drafts are not kept, since each file of an upload changes one.
//
// Lock order within a transaction: the model's row, then a version's, then a deployment's.
package catalog

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
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
	reads    reads
	formats  FormatLimits
}

// New returns a catalog that keeps nothing of what is read and does not limit what policies allow. announce may be nil where no cache is to be told.
func New(db *postgres.DB, events *outbox.Outbox, announce Announce) *Catalog {
	unlimited := FormatLimits{Pickle: api.AllowFormat, Code: api.AllowFormat}
	return &Catalog{db: db.As(postgres.Catalog), events: events, announce: announce, formats: unlimited}
}

// Announce tells caches that what is read of a model, or what Resolve answers for it, changes. It is called twice for each write: before the
// commit and again after it. It must return soon, and tell nobody of its own failures: a cache that cannot be told lives shortly.
type Announce func(ctx context.Context, m ref.Model, epoch int64)

// Changed raises the model's epoch, which locks the model's row, and announces it before and after the commit. A write calls it before it changes anything,
// so that writers of one model wait for each other in the order of locks. A nil Announce raises the epoch and tells nobody.
func (a Announce) Changed(ctx context.Context, tx postgres.Tx, id uuid.UUID, m ref.Model) error {
	epoch, err := raiseEpoch(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("raise the epoch of %s: %w", m, err)
	}
	a.tell(ctx, tx, m, epoch)
	return nil
}

// tell announces the model's epoch at once, and again after the commit, also if ctx has ended by then. A nil Announce does nothing.
func (a Announce) tell(ctx context.Context, tx postgres.Tx, m ref.Model, epoch int64) {
	if a == nil {
		return
	}
	a(ctx, m, epoch)
	after := context.WithoutCancel(ctx) // the commit stands, whether or not the client still waits
	tx.OnCommit(func() { a(after, m, epoch) })
}

// noModel returns the NotFound error of a model that does not exist or that the caller may not know of.
func noModel(m ref.Model) error {
	return fault.New(fault.NotFound, fmt.Sprintf("There is no model %s.", m), fault.Field("model"))
}
