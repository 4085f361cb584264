package audit

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	// One sealer of a tenant at a time, and none waits for another.
	sealerSQL   = `select pg_try_advisory_xact_lock(hashtextextended('audit:' || maas_tenant(), 0))`
	tenantsSQL  = `select audit_unsealed($1)`
	headSQL     = `select c.seq, c.hash, e.time from audit_chain c join audit_entries e on e.id = c.entry order by c.seq desc limit 1`
	unsealedSQL = `
		select id, time, actor, action, resource, outcome, address, request, why from audit_entries e
		where time > $1 and not exists (select from audit_chain c where c.entry = e.id)
		order by time, id limit $2`
	linkSQL  = `insert into audit_chain (seq, entry, prev, hash) values ($1, $2, $3, $4)`
	chainSQL = `
		select c.seq, c.prev, c.hash, e.id, e.time, e.actor, e.action, e.resource, e.outcome, e.address, e.request, e.why
		from audit_chain c join audit_entries e on e.id = c.entry where c.seq > $1 order by c.seq limit $2`
)

// head returns the number and the hash of the chain's last link, and the time from which entries may be in no chain. For an empty chain the hash is
// 32 zeros.
func head(ctx context.Context, tx postgres.Tx) (seq int64, hash []byte, since time.Time, err error) {
	err = tx.QueryRow(ctx, headSQL).Scan(&seq, &hash, &since)
	if postgres.NotFound(err) {
		return 0, make([]byte, sha256.Size), time.Time{}, nil
	}
	return seq, hash, since.Add(-late), err
}

// unsealed returns up to links of the tenant's entries since the time that are in no chain, in the order of their times.
func unsealed(ctx context.Context, tx postgres.Tx, since time.Time) ([]entry, error) {
	rows, err := tx.Query(ctx, unsealedSQL, since, links)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		err = row.Scan(&e.ID, &e.Time, &e.Actor, &e.Action, &e.Resource, &e.Outcome, &e.Address, &e.Request, &e.Why)
		return e, err
	})
}

// link appends the entries to the tenant's chain, after the link seq with the hash prev.
func link(ctx context.Context, tx postgres.Tx, entries []entry, seq int64, prev []byte) error {
	var batch pgx.Batch
	for _, e := range entries {
		seq++
		e.Tenant, e.Seq = tx.Tenant(), seq
		hash, err := e.hash(prev)
		if err != nil {
			return err
		}
		batch.Queue(linkSQL, seq, e.ID, prev, hash)
		prev = hash
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// unsealedTenants returns up to 500 tenants that have entries in no chain.
func unsealedTenants(ctx context.Context, tx postgres.Tx) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, tenantsSQL, tenants)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// tryLockChain locks the tenant's chain until the transaction ends. It reports false, without waiting, if another transaction has the lock.
func tryLockChain(ctx context.Context, tx postgres.Tx) (locked bool, err error) {
	err = tx.QueryRow(ctx, sealerSQL).Scan(&locked)
	return locked, err
}

// readLinks returns up to 1,000 links of the tenant's chain after seq, with their entries, in order.
func readLinks(ctx context.Context, tx postgres.Tx, seq int64) ([]linked, error) {
	rows, err := tx.Query(ctx, chainSQL, seq, links)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l linked, err error) {
		err = row.Scan(&l.Seq, &l.prev, &l.hash, &l.ID, &l.Time, &l.Actor, &l.Action, &l.Resource, &l.Outcome, &l.Address, &l.Request, &l.Why)
		return l, err
	})
}
