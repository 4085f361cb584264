package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
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

const (
	tenants = 500              // sealed in one call
	links   = 1_000            // of a tenant in one transaction
	late    = 10 * time.Minute // the longest that an entry's transaction takes to commit
)

// entry is what a link's hash covers, in this order.
type entry struct {
	Tenant   uuid.UUID   `json:"tenant"`
	Seq      int64       `json:"seq"`
	ID       uuid.UUID   `json:"id"`
	Time     time.Time   `json:"time"`
	Actor    string      `json:"actor"`
	Action   string      `json:"action"`
	Resource string      `json:"resource"`
	Outcome  string      `json:"outcome"`
	Address  *netip.Addr `json:"address"`
	Request  string      `json:"request"`
	Why      string      `json:"why,omitempty"` // an entry without one has the hash that it had before there were any
}

// hash chains the entry to the one before: SHA-256 of that one's hash (32 zeros before the first) and the entry's JSON.
func (e entry) hash(prev []byte) ([]byte, error) {
	sealed := e
	sealed.Time = e.Time.UTC()
	text, err := json.Marshal(sealed)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	sum := sha256.Sum256(append(bytes.Clone(prev), text...))
	return sum[:], nil
}

// Seal appends the entries of all tenants that are in no chain yet to their tenants' chains, a bounded number of each. It goes on after an
// error with the other tenants.
func Seal(ctx context.Context, db *postgres.DB) error {
	db = db.As(postgres.Sweep)
	var waiting []uuid.UUID
	err := db.Definer(ctx, func(tx postgres.Tx) error {
		rows, err := tx.Query(ctx, tenantsSQL, tenants)
		if err != nil {
			return err
		}
		waiting, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return err
	})
	errs := []error{err}
	for _, tenant := range waiting {
		errs = append(errs, SealTenant(ctx, db, tenant))
	}
	return errors.Join(errs...)
}

// SealTenant appends the tenant's entries that are in no chain yet. If another sealer is at it, that one does.
func SealTenant(ctx context.Context, db *postgres.DB, tenant uuid.UUID) error {
	for {
		sealed, err := sealSome(ctx, db.As(postgres.Sweep), tenant)
		if err != nil || sealed < links {
			return err
		}
	}
}

func sealSome(ctx context.Context, db *postgres.DB, tenant uuid.UUID) (sealed int, err error) {
	err = db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		sealed = 0
		var mine bool
		if err := tx.QueryRow(ctx, sealerSQL).Scan(&mine); err != nil || !mine {
			return err
		}
		seq, prev, since, err := head(ctx, tx)
		if err != nil {
			return err
		}
		entries, err := unsealed(ctx, tx, since)
		if err != nil {
			return err
		}
		sealed = len(entries)
		return link(ctx, tx, entries, seq, prev)
	})
	return sealed, err
}

// head gives the chain's last link, and since when entries may be unsealed.
func head(ctx context.Context, tx postgres.Tx) (seq int64, hash []byte, since time.Time, err error) {
	err = tx.QueryRow(ctx, headSQL).Scan(&seq, &hash, &since)
	if postgres.NotFound(err) {
		return 0, make([]byte, sha256.Size), time.Time{}, nil
	}
	return seq, hash, since.Add(-late), err
}

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
