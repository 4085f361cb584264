// Package audit is the tamper-evident log. An act's transaction inserts its entry; Seal appends entries to the tenant's hash chain
// afterwards, so that no act waits for another; Verify walks the chain.
package audit

import (
	"context"
	"time"

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

// Record writes into the audit log that the principal did the action to the resource ("acme/fraud@1.4.0", a user's id). tx is the transaction that
// does it, so that the entry is kept only if the act is.
func Record(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource string) error {
	return record(ctx, tx, who, action, resource, Done, "")
}

// RecordWhy is Record with the reason for the act, as people are told it.
func RecordWhy(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource, why string) error {
	return record(ctx, tx, who, action, resource, Done, why)
}

// RecordRefused writes into the audit log that the principal tried the action and was refused, as at a failed sign-in.
func RecordRefused(ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource string) error {
	return record(ctx, tx, who, action, resource, Refused, "")
}

// RecordOnce is RecordWhy, unless the same action, resource and reason were recorded within the given time before. Concurrent calls for the same
// action and resource wait for each other.
func RecordOnce(
	ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource, why string, within time.Duration,
) error {
	seen, err := lockRecorded(ctx, tx, action, resource, why, within)
	if err != nil || seen {
		return err
	}
	return record(ctx, tx, who, action, resource, Done, why)
}
