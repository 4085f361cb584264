package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/17882237881/MaaS/shared/postgres"
)

const (
	waitSQL = `
		select coalesce(max(until) - clock_timestamp(), '0') from throttles
		where (kind = $1 and key = $2) or (kind = $3 and key = $4)`
	failedSQL = `
		insert into throttles as t (kind, key, count, counted, until) values ($1, $2, 1, now(), now())
		on conflict (kind, key) do update set
			count = case when t.counted < now() - $3::interval then 1 else t.count + 1 end,
			counted = now(),
			until = case when t.counted < now() - $3::interval or t.count + 1 < $4 then now()
				else now() + least($5::interval, $6::interval * 2 ^ least(t.count + 1 - $4, 16)) end`
	forgetSQL   = `delete from throttles where kind = $1 and key = $2`
	registerSQL = `
		insert into throttles as t (kind, key, count, counted, until) values ($1, $2, 1, now(), now() + $3::interval)
		on conflict (kind, key) do update set
			count = case when t.until <= now() then 1 else t.count + 1 end,
			counted = case when t.until <= now() then now() else t.counted end,
			until = case when t.until <= now() then now() + $3::interval else t.until end
		returning count, until - now()`
)

// failed counts a failure of each throttle, which lengthens its wait. All callers must give the throttles in the same order, or transactions could
// deadlock.
func failed(ctx context.Context, tx postgres.Tx, each ...throttle) error {
	for _, t := range each {
		if _, err := tx.Exec(ctx, failedSQL, t.kind, t.key[:], failureMemory, freeFailures, maxWait, firstWait); err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
	}
	return nil
}

// forget deletes the throttle's count of failures.
func forget(ctx context.Context, tx postgres.Tx, t throttle) error {
	if _, err := tx.Exec(ctx, forgetSQL, t.kind, t.key[:]); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	return nil
}

// longestWait returns for how long at least one of the two throttles must still wait. It is zero or negative if neither must.
func longestWait(ctx context.Context, tx postgres.Tx, a, b throttle) (wait time.Duration, err error) {
	if err := tx.QueryRow(ctx, waitSQL, a.kind, a.key[:], b.kind, b.key[:]).Scan(&wait); err != nil {
		return 0, fmt.Errorf("throttle: %w", err)
	}
	return wait, nil
}

// countMinute counts a try, and returns the number of tries in the current minute and the time that is left of that minute.
func countMinute(ctx context.Context, tx postgres.Tx, t throttle) (count int, left time.Duration, err error) {
	if err := tx.QueryRow(ctx, registerSQL, t.kind, t.key[:], time.Minute).Scan(&count, &left); err != nil {
		return 0, 0, fmt.Errorf("throttle: %w", err)
	}
	return count, left, nil
}
