// Package audit is the tamper-evident log. An act's transaction inserts its entry; Seal appends entries to the tenant's hash chain
// afterwards, so that no act waits for another; Verify walks the chain.
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

// Action names what was done, as noun.verb: "model.create".
type Action string

// Outcome says how an act ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
)

const insertSQL = `
	insert into audit_entries (id, actor, action, resource, outcome, address, request, why) values ($1, $2, $3, $4, $5, $6, $7, $8)`

// Record writes that the principal did the action to the resource ("acme/fraud@1.4.0", a user's id), in the transaction that does it.
func Record(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource string) error {
	return record(ctx, tx, who, action, resource, Done, "")
}

// RecordWhy is Record with the reason of the act, as it is told to people: why a version failed.
func RecordWhy(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource, why string) error {
	return record(ctx, tx, who, action, resource, Done, why)
}

// RecordRefused writes that the action was tried and refused: a failed sign-in, say.
func RecordRefused(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource string) error {
	return record(ctx, tx, who, action, resource, Refused, "")
}

const (
	lockOnceSQL = `select pg_advisory_xact_lock(hashtextextended(maas_tenant()::text || $1 || $2, 0))`
	seenSQL     = `
		select exists (select from audit_entries where time > clock_timestamp() - $1::interval and action = $2 and resource = $3 and why = $4)`
)

// RecordOnce is RecordWhy, unless the same was recorded within the time: what is found again with each call is one entry.
func RecordOnce(
	ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource, why string, within time.Duration,
) error {
	if _, err := tx.Exec(ctx, lockOnceSQL, string(action), resource); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var seen bool
	if err := tx.QueryRow(ctx, seenSQL, within, string(action), resource, why).Scan(&seen); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if seen {
		return nil
	}
	return record(ctx, tx, who, action, resource, Done, why)
}

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
