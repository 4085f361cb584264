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

	"github.com/17882237881/MaaS/shared/postgres"
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

// hash returns the hash of the entry's link: the SHA-256 of the former link's hash, prev, followed by the entry's JSON. The first link's prev is 32
// zeros.
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

// Seal appends the entries of all tenants that are in no chain yet to their tenants' chains, for up to 500 tenants at a time. An error of one
// tenant does not stop the others. Sweep calls it.
func Seal(ctx context.Context, db *postgres.DB) error {
	db = db.As(postgres.Sweep)
	var waiting []uuid.UUID
	err := db.Definer(ctx, func(tx postgres.Tx) (err error) {
		waiting, err = unsealedTenants(ctx, tx)
		return err
	})
	errs := []error{err}
	for _, tenant := range waiting {
		errs = append(errs, SealTenant(ctx, db, tenant))
	}
	return errors.Join(errs...)
}

// SealTenant appends all entries of the tenant that are in no chain yet to its chain. If another call is sealing the tenant it returns at once,
// without an error.
func SealTenant(ctx context.Context, db *postgres.DB, tenant uuid.UUID) error {
	for {
		sealed, err := sealSome(ctx, db.As(postgres.Sweep), tenant)
		if err != nil || sealed < links {
			return err
		}
	}
}

// sealSome appends up to 1,000 entries of the tenant to its chain, and returns how many. It returns 0 if another call is sealing the tenant.
func sealSome(ctx context.Context, db *postgres.DB, tenant uuid.UUID) (sealed int, err error) {
	err = db.Tx(ctx, tenant, func(tx postgres.Tx) error {
		sealed = 0
		if locked, err := tryLockChain(ctx, tx); err != nil || !locked {
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
