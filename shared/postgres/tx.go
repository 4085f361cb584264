package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/share"
)

// Tx is a transaction of one role and one tenant.
type Tx struct {
	pgx.Tx

	tenant uuid.UUID
	after  *[]func()
}

// Tenant returns the tenant whose rows the transaction sees, zero for one of Definer.
func (tx Tx) Tenant() uuid.UUID { return tx.tenant }

// OnCommit has f called once the transaction has committed, and not if it fails. f must not block.
func (tx Tx) OnCommit(f func()) { *tx.after = append(*tx.after, f) }

const (
	tries     = 4                     // of a transaction that the server ended for another's sake
	firstWait = 10 * time.Millisecond // doubled each time, with jitter
	// Bounds on what a transaction may hold up. No transaction stays open while outside work runs.
	limits = "set local statement_timeout = '30s'; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '30s'"
)

// Tx runs do in a transaction as DB's role that sees only the tenant's rows. It commits if do returns nil, otherwise it rolls back and returns do's
// error. It may call do up to four times, after a deadlock or a serialization failure, so do must change nothing outside the transaction.
//
// Tx waits for a connection; the holders of fewest get one first (share.Of). It fails with RateLimited if too many calls of one holder wait. It
// fails with Unavailable if the server is away, and then the transaction may or may not have committed.
func (db *DB) Tx(ctx context.Context, tenant uuid.UUID, do func(tx Tx) error) error {
	begin := fmt.Sprintf("begin; set local role %s; set local maas.tenant = '%s'; %s", db.role, tenant, limits)
	return db.run(ctx, begin, tenant, do)
}

// Definer is like Tx for no tenant: the transaction sees no rows but those that SECURITY DEFINER functions return.
func (db *DB) Definer(ctx context.Context, do func(tx Tx) error) error {
	return db.run(ctx, fmt.Sprintf("begin; set local role %s; %s", db.role, limits), uuid.Nil, do)
}

// run runs do in a transaction that the SQL begin starts, and repeats it after a deadlock or a serialization failure. It returns an outage as
// Unavailable.
func (db *DB) run(ctx context.Context, begin string, tenant uuid.UUID, do func(tx Tx) error) error {
	wait := firstWait
	for try := 1; ; try++ {
		err := db.attempt(ctx, begin, tenant, do)
		if err == nil || !serialization(err) || try == tries {
			return classify(ctx, err)
		}
		select {
		case <-time.After(wait + rand.N(wait)): //nolint:gosec // spreads tries, guards nothing
			wait *= 2
		case <-ctx.Done():
			return classify(ctx, err)
		}
	}
}

// attempt runs do in one transaction, and the functions of OnCommit once it has committed.
func (db *DB) attempt(ctx context.Context, begin string, tenant uuid.UUID, do func(tx Tx) error) error {
	var after []func()
	err := db.inSlot(ctx, func() error {
		return pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
			return do(Tx{tx, tenant, &after})
		})
	})
	if err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

// inSlot waits for a slot for one connection, and calls do in it. It fails with RateLimited or ctx's error if it gets none.
func (db *DB) inSlot(ctx context.Context, do func() error) error {
	connection, err := db.connections.Acquire(ctx, share.Of(ctx))
	if err != nil {
		return err
	}
	defer connection.Release()
	return do()
}
