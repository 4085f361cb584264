// Package transfer brings files of any size into the object store: upload sessions, chunks in any order and parallelism, completion,
// and verification in bounded steps, at whose end the file belongs to a draft version or is rejected with the reason.
//
// Bytes never pass through memory whole, never move once they are stored, and are never trusted: the store checks each chunk's digest,
// and the whole object is hashed and recognised before anyone else sees it.
package transfer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/share"
)

// Transfers gives the use cases of uploads.
type Transfers struct {
	db       *postgres.DB
	store    *objects.Store
	events   *outbox.Outbox
	announce catalog.Announce // nil where no upload is begun
	log      *slog.Logger
	limits   config
	formats  catalog.FormatLimits
	streams  *share.Pool // of those who follow
}

// config is what an installation allows, and how long work may take.
type config struct {
	MaxSize      int64         `env:"MAAS_UPLOAD_MAX_SIZE" envDefault:"107374182400"` // bytes of a file; 100 GiB
	MaxOpen      int           `env:"MAAS_UPLOAD_MAX_OPEN" envDefault:"20"`           // uploads of a tenant that are open at once
	Expiry       time.Duration `env:"MAAS_UPLOAD_EXPIRY" envDefault:"168h"`           // of an upload that is not completed
	MaxFollowers int           `env:"MAAS_UPLOAD_FOLLOWERS" envDefault:"256"`         // streams of one process
	// ChunkLease is how long a chunk's place is kept for a writer that is not heard of. It is renewed while the bytes flow, and what else
	// is sent under its index has to wait for its end.
	ChunkLease time.Duration `env:"MAAS_CHUNK_LEASE" envDefault:"30s"`
	// Step is how long one event keeps verify-upload hashing; the rest is left to the next.
	Step time.Duration `env:"MAAS_VERIFY_STEP" envDefault:"60s"`
	// VerifyLease is how long a verification is kept for a function that is not heard of.
	VerifyLease time.Duration `env:"MAAS_VERIFY_LEASE" envDefault:"60s"`
	// Grace is how old an object without a row gets before it is deleted: it may be about to get one.
	Grace time.Duration `env:"MAAS_ORPHAN_GRACE" envDefault:"24h"`
}

// check fails if a limit is not positive, a lease is shorter than 100 ms, or there are too few streams to share.
func (c config) check() error {
	const shortest = 100 * time.Millisecond // of a lease: it is renewed six times in its length
	if c.MaxSize < 1 || c.MaxOpen < 1 || c.MaxFollowers < share.Lone || c.Expiry <= 0 || c.Step <= 0 || c.ChunkLease < shortest || c.VerifyLease < shortest {
		return fmt.Errorf("the limits of uploads (MAAS_UPLOAD_*, MAAS_CHUNK_LEASE, MAAS_VERIFY_*) are above zero, a lease is %s at least,"+
			" and MAAS_UPLOAD_FOLLOWERS %d: a credential has a quarter", shortest, share.Lone)
	}
	return nil
}

// Open returns the use cases of uploads, which use the process's database pool, object store and outbox. It fails if a setting is wrong or one of these
// cannot be opened. Begin needs OpenAnnouncing.
func Open(ctx context.Context, e *env.Env) (*Transfers, error) {
	t := &Transfers{log: e.Logger()}
	if err := e.Config(&t.limits); err != nil {
		return nil, err
	}
	if err := t.limits.check(); err != nil {
		return nil, err
	}
	var err error
	if t.formats, err = catalog.OpenFormatLimits(e); err != nil {
		return nil, err
	}
	if t.streams, err = openStreams(e, int64(t.limits.MaxFollowers)); err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	t.db = db.As(postgres.Transfer)
	if t.store, err = objects.Open(ctx, e); err != nil {
		return nil, err
	}
	t.events, err = outbox.Open(ctx, e)
	return t, err
}

// OpenAnnouncing is Open for a process that begins uploads: caches are told of the drafts that it makes.
func OpenAnnouncing(ctx context.Context, e *env.Env) (*Transfers, error) {
	t, err := Open(ctx, e)
	if err != nil {
		return nil, err
	}
	t.announce, err = catalog.OpenAnnounce(e)
	return t, err
}
