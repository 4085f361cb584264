package audit

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	insertSQL = `
		insert into audit_entries (id, actor, action, resource, outcome, address, request, why) values ($1, $2, $3, $4, $5, $6, $7, $8)`
	lockOnceSQL = `select pg_advisory_xact_lock(hashtextextended(maas_tenant()::text || $1 || $2, 0))`
	seenSQL     = `
		select exists (select from audit_entries where time > clock_timestamp() - $1::interval and action = $2 and resource = $3 and why = $4)`
)

// record writes an entry into the audit log of the transaction's tenant; why may be "".
func record(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource string, outcome Outcome, why string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var address *netip.Addr
	if who.Address.IsValid() {
		address = &who.Address
	}
	if _, err := tx.Exec(ctx, insertSQL, id, who.Actor(), string(action), resource, string(outcome), address, who.RequestID, why); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// lockRecorded reports whether the same action, resource and reason were recorded within the given time before. Until the transaction ends, other
// calls for the action and the resource wait.
func lockRecorded(ctx context.Context, tx postgres.Tx, action Action, resource, why string, within time.Duration) (seen bool, err error) {
	if _, err := tx.Exec(ctx, lockOnceSQL, string(action), resource); err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	if err := tx.QueryRow(ctx, seenSQL, within, string(action), resource, why).Scan(&seen); err != nil {
		return false, fmt.Errorf("audit: %w", err)
	}
	return seen, nil
}
