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

// throttleOf returns the throttle of the kind for a user's id, a name or an address.
func throttleOf(kind, subject string) throttle { return throttle{kind, sha256.Sum256([]byte(subject))} }

// byAddress returns the throttle of an address. All addresses of an IPv6 /64 have one, and so have all connections without an address, as on a Unix
// socket.
func byAddress(kind string, address netip.Addr) throttle {
	return throttleOf(kind, httpserver.Subscriber(address).String())
}

const (
	freeFailures   = 5           // sign-ins that may fail without a wait
	firstWait      = time.Second // after the fifth failure; it doubles with each
	maxWait        = 60 * time.Second
	failureMemory  = 15 * time.Minute // a count is forgotten after so long without a failure
	registerMinute = 100              // registrations of an address in a minute
)

// waitFor fails with RateLimited while the account or the address must wait after failed sign-ins. It does not wait itself.
func waitFor(ctx context.Context, tx postgres.Tx, account, address throttle) error {
	wait, err := longestWait(ctx, tx, account, address)
	if err != nil || wait <= 0 {
		return err
	}
	return fault.New(fault.RateLimited, fmt.Sprintf("Too many sign-ins failed; try again in %d s.", seconds(wait)), fault.RetryAfter(wait))
}

// countRegistration counts a registration from the address. It fails with RateLimited if there were more than registerMinute of them within a
// minute.
func countRegistration(ctx context.Context, tx postgres.Tx, address netip.Addr) error {
	t := byAddress(registerThrottle, address)
	count, left, err := countMinute(ctx, tx, t)
	if err != nil || count <= registerMinute {
		return err
	}
	return fault.New(fault.RateLimited, fmt.Sprintf("Too many registrations from your address; try again in %d s.", seconds(left)), fault.RetryAfter(left))
}

// seconds returns the duration in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
