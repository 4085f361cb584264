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

// RecordOnce is RecordWhy, unless the same was recorded within the time: what is found again with each call is one entry.
func RecordOnce(
	ctx context.Context, tx postgres.Tx, who auth.Principal, action Action, resource, why string, within time.Duration,
) error {
	seen, err := lockRecorded(ctx, tx, action, resource, why, within)
	if err != nil || seen {
		return err
	}
	return record(ctx, tx, who, action, resource, Done, why)
}
