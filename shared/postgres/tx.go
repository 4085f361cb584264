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

// Tenant returns the tenant whose rows the transaction sees; zero in Definer.
func (tx Tx) Tenant() uuid.UUID { return tx.tenant }

// OnCommit calls f once the transaction has committed; never if it has not. f must not block.
func (tx Tx) OnCommit(f func()) { *tx.after = append(*tx.after, f) }

const (
	tries     = 4                     // of a transaction that the server ended for another's sake
	firstWait = 10 * time.Millisecond // doubled each time, with jitter
	// Bounds on what a transaction may hold up. No transaction stays open while outside work runs.
	limits = "set local statement_timeout = '30s'; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = '30s'"
)

// Tx runs do in a transaction as the DB's role, seeing the tenant's rows alone, and commits if it returns nil.
// do is called again if the server ended the transaction for another's sake (deadlock, serialization), so it changes nothing outside.
// It waits for a connection, which those who hold fewest get first (share.Of). It fails with RateLimited if too many of the same wait.
// A server that is away is Unavailable, and then nothing is known of the commit: callers repeat what is idempotent.
func (db *DB) Tx(ctx context.Context, tenant uuid.UUID, do func(tx Tx) error) error {
	begin := fmt.Sprintf("begin; set local role %s; set local maas.tenant = '%s'; %s", db.role, tenant, limits)
	return db.run(ctx, begin, tenant, do)
}

// Definer runs do in a transaction as the DB's role with no tenant: it sees no rows but those that SECURITY DEFINER functions give.
func (db *DB) Definer(ctx context.Context, do func(tx Tx) error) error {
	return db.run(ctx, fmt.Sprintf("begin; set local role %s; %s", db.role, limits), uuid.Nil, do)
}

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

// inSlot calls do, which uses one connection, when the context's holder gets a connection by the rule of share.Slots.
func (db *DB) inSlot(ctx context.Context, do func() error) error {
	connection, err := db.connections.Acquire(ctx, share.Of(ctx))
	if err != nil {
		return err
	}
	defer connection.Release()
	return do()
}
