package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/postgres"
)

// throttle names something whose tries are counted. Its key is a hash: what people type by mistake is not kept.
type throttle struct {
	kind string
	key  [sha256.Size]byte
}

const (
	accountThrottle  = "account"
	addressThrottle  = "address"
	registerThrottle = "register"
)

func throttleOf(kind, subject string) throttle { return throttle{kind, sha256.Sum256([]byte(subject))} }

// byAddress counts what one subscriber tries; connections without an address, as on a Unix socket, count as one.
func byAddress(kind string, address netip.Addr) throttle {
	return throttleOf(kind, httpserver.Subscriber(address).String())
}

const (
	freeFailures   = 5                // sign-ins that may fail without a wait
	maxWait        = 60 * time.Second // the wait is 1 s after the fifth failure, and doubles with each
	failureMemory  = 15 * time.Minute // a count is forgotten after so long without a failure
	registerMinute = 100              // registrations of an address in a minute
)

const waitSQL = `
	select coalesce(max(until) - clock_timestamp(), '0') from throttles
	where (kind = $1 and key = $2) or (kind = $3 and key = $4)`

// waitFor fails with RateLimited while either has to wait.
func waitFor(ctx context.Context, tx postgres.Tx, account, address throttle) error {
	var wait time.Duration
	if err := tx.QueryRow(ctx, waitSQL, account.kind, account.key[:], address.kind, address.key[:]).Scan(&wait); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	if wait <= 0 {
		return nil
	}
	return fault.New(fault.RateLimited, fmt.Sprintf("Too many sign-ins failed; try again in %d s.", seconds(wait)), fault.RetryAfter(wait))
}

const failedSQL = `
	insert into throttles as t (kind, key, count, counted, until) values ($1, $2, 1, now(), now())
	on conflict (kind, key) do update set
		count = case when t.counted < now() - $3::interval then 1 else t.count + 1 end,
		counted = now(),
		until = case when t.counted < now() - $3::interval or t.count + 1 < $4 then now()
			else now() + least($5::interval, interval '1 second' * 2 ^ least(t.count + 1 - $4, 16)) end`

// failed counts a failure of each. All callers give them in the same order, so that none waits for another in a circle.
func failed(ctx context.Context, tx postgres.Tx, each ...throttle) error {
	for _, t := range each {
		if _, err := tx.Exec(ctx, failedSQL, t.kind, t.key[:], failureMemory, freeFailures, maxWait); err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
	}
	return nil
}

const forgetSQL = `delete from throttles where kind = $1 and key = $2`

func forget(ctx context.Context, tx postgres.Tx, t throttle) error {
	if _, err := tx.Exec(ctx, forgetSQL, t.kind, t.key[:]); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	return nil
}

const registerSQL = `
	insert into throttles as t (kind, key, count, counted, until) values ($1, $2, 1, now(), now() + interval '1 minute')
	on conflict (kind, key) do update set
		count = case when t.until <= now() then 1 else t.count + 1 end,
		counted = case when t.until <= now() then now() else t.counted end,
		until = case when t.until <= now() then now() + interval '1 minute' else t.until end
	returning count, until - now()`

// countRegistration fails with RateLimited beyond registerMinute registrations of an address in a minute.
func countRegistration(ctx context.Context, tx postgres.Tx, address netip.Addr) (err error) {
	t := byAddress(registerThrottle, address)
	var count int
	var left time.Duration
	if err := tx.QueryRow(ctx, registerSQL, t.kind, t.key[:]).Scan(&count, &left); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	if count <= registerMinute {
		return nil
	}
	return fault.New(fault.RateLimited, fmt.Sprintf("Too many registrations from your address; try again in %d s.", seconds(left)), fault.RetryAfter(left))
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
