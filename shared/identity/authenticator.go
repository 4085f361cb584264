package identity

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
	"github.com/17882237881/MaaS/shared/share"
)

// Authenticator is auth.Authenticator for functions that have Postgres. An API key costs one transaction; an access token usually none,
// since what is revoked is read at most every auth.RevocationInterval, by the request that finds it too old. The process has one.
type Authenticator struct {
	db   *postgres.DB
	keys *Keys
	list auth.Revocations
	read atomic.Int64 // when the list was read, in nanoseconds since started

	mu      sync.Mutex // one reads at a time
	started time.Time
	asOf    time.Time // by the database's clock
	tried   time.Time
	failure error
}

// OpenAuthenticator returns the process's Authenticator, which the first call makes. It fails if the configuration of the database or of the hashes
// of API keys is invalid.
func OpenAuthenticator(ctx context.Context, e *env.Env) (*Authenticator, error) {
	return env.Once(e, "authenticator", func(context.Context) (*Authenticator, func(context.Context) error, error) {
		db, err := openDB(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		keys, err := OpenKeys(ctx, e)
		if err != nil {
			return nil, nil, err
		}
		a := &Authenticator{db: db, keys: keys, started: time.Now()}
		a.read.Store(int64(-staleAfter)) // never
		return a, nil, nil
	})
}

const (
	// staleAfter is the age at which a list is not believed any more. With the time to read it, what is revoked stops within 5 s.
	staleAfter = 2 * auth.RevocationInterval
	// retryRead keeps requests from queueing for a database that is away: in between they are answered with the last failure.
	retryRead = 250 * time.Millisecond
	patience  = 5 * time.Second // for one read
)

// APIKey implements auth.Authenticator. It asks the database each time, and fails as Keys.Verify does.
func (a *Authenticator) APIKey(ctx context.Context, key auth.APIKey) (auth.Principal, error) {
	verified, err := a.keys.Verify(ctx, key.ID, a.keys.hash.Of(key))
	return verified.Principal, err
}

// Check implements auth.Authenticator. It fails with Unauthenticated for a token that was revoked, and with Unavailable if the revocations could
// not be read for longer than staleAfter.
func (a *Authenticator) Check(ctx context.Context, claims auth.Claims) error {
	if a.age() > auth.RevocationInterval {
		if err := a.refresh(ctx); err != nil && a.age() > staleAfter {
			return err
		}
	}
	if a.list.CoversToken(claims) {
		return fault.New(fault.Unauthenticated, "This session has ended; sign in again.")
	}
	return nil
}

// age returns how long ago the last successful read of the revocations began. Before the first read it is more than staleAfter.
func (a *Authenticator) age() time.Duration {
	return time.Since(a.started) - time.Duration(a.read.Load())
}

// refresh reads the revocations since the last read and merges them into the list. If another request has just done so it does nothing. It fails
// with Unavailable if they cannot be read, also without a read if the last one failed less than retryRead ago.
//
// The read is charged to no caller, and does not end with ctx: other requests wait for it, too.
func (a *Authenticator) refresh(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.age() <= auth.RevocationInterval {
		return nil
	}
	if a.failure != nil && time.Since(a.tried) < retryRead {
		return a.failure
	}
	begun := time.Since(a.started)
	ctx, cancel := context.WithTimeout(share.With(context.WithoutCancel(ctx), share.Holder{Credential: "revocations"}), patience) // others wait for it, too
	defer cancel()
	fresh, asOf, err := Revocations(ctx, a.db, a.asOf)
	a.tried, a.failure = time.Now(), unknown(err)
	if err != nil {
		return a.failure
	}
	a.list.Merge(fresh, asOf)
	a.asOf = asOf
	a.read.Store(int64(begun))
	return nil
}

// unknown returns the Unavailable fault of a failed read of the revocations, with err as its cause. It returns nil for nil.
func unknown(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Unavailable, "It cannot be told whether your session goes on; try again.", fault.Cause(err))
}
