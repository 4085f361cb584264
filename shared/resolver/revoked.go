package resolver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/17882237881/MaaS/api/backoff"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

const (
	// staleAfter is the age at which the list is not believed any more: then nobody is let in.
	staleAfter = time.Minute
	// firstWait bounds how long a request waits for the first list, in a process that has just started.
	firstWait = 5 * time.Second
	// firstRetry is the pause between tries for the first list.
	firstRetry = 100 * time.Millisecond
)

// revoked is what is revoked, and how old that knowledge is.
type revoked struct {
	list   auth.Revocations
	start  time.Time
	read   atomic.Int64  // when the list was asked for, in nanoseconds since start
	loaded chan struct{} // closed when there is a list
	once   *sync.Once
}

// newRevoked returns a list that has not been read yet.
func newRevoked() revoked {
	return revoked{start: time.Now(), loaded: make(chan struct{}), once: &sync.Once{}}
}

// Check implements auth.Authenticator. It fails with Unauthenticated for a token that was revoked, and with Unavailable if the list is missing or
// too old.
func (r *Resolver) Check(ctx context.Context, claims auth.Claims) error {
	if err := r.revoked.known(ctx); err != nil {
		return err
	}
	if r.revoked.list.CoversToken(claims) {
		return fault.New(fault.Unauthenticated, "This session has ended; sign in again.")
	}
	return nil
}

// Ready fails with Unavailable while the list of revocations is missing or too old. It does not wait.
func (r *Resolver) Ready() error {
	select {
	case <-r.revoked.loaded:
		return r.revoked.fresh()
	default:
		return unknown()
	}
}

// known fails with Unavailable if the list is missing or too old. It waits up to 5 s for the first list, and fails with ctx's error if ctx ends
// first.
func (k *revoked) known(ctx context.Context) error {
	select {
	case <-k.loaded:
		return k.fresh()
	default:
	}
	select {
	case <-k.loaded:
		return k.fresh()
	case <-time.After(firstWait):
		return unknown()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fresh fails with Unavailable if the list is older than staleAfter.
func (k *revoked) fresh() error {
	if time.Since(k.start)-time.Duration(k.read.Load()) > staleAfter {
		return unknown()
	}
	return nil
}

// unknown returns the Unavailable fault of a list that is missing or too old.
func unknown() error {
	return fault.New(fault.Unavailable, "It cannot be told which credentials are still good; try again.", fault.RetryAfter(auth.RevocationInterval))
}

// followRevocations reads the new revocations every two seconds until ctx ends. After a failure it tries again.
func (r *Resolver) followRevocations(ctx context.Context) {
	var asOf *timestamppb.Timestamp
	for ctx.Err() == nil {
		began := time.Since(r.revoked.start)
		out, err := call(ctx, r, r.verify, tenant{}, &maasv1.RevocationsRequest{Since: asOf},
			r.identity.Revocations, maasv1connect.IdentityServiceRevocationsProcedure)
		pause := auth.RevocationInterval
		if err == nil {
			asOf = out.GetAsOf()
			r.revoked.merge(out, began)
		} else if asOf == nil {
			pause = firstRetry
		}
		_ = backoff.Sleep(ctx, pause) // the loop reads ctx
	}
}

// merge adds the revocations of an answer that was asked for at began, the time since start. Those of an unknown kind are ignored.
func (k *revoked) merge(m *maasv1.RevocationsResponse, began time.Duration) {
	fresh := make([]auth.Revocation, 0, len(m.GetRevocations()))
	for _, one := range m.GetRevocations() {
		kind, ok := kindOf(one.GetKind())
		if ok {
			fresh = append(fresh, auth.Revocation{
				Kind: kind, ID: one.GetId(), Before: one.GetBefore().AsTime(), Expires: one.GetExpiresAt().AsTime(),
			})
		}
	}
	k.list.Merge(fresh, m.GetAsOf().AsTime())
	k.read.Store(int64(began))
	k.once.Do(func() { close(k.loaded) })
}

// kindOf converts a kind of revocation from its protobuf value. It reports false for an unknown one.
func kindOf(kind maasv1.Revocation_Kind) (auth.Revoked, bool) {
	switch kind {
	case maasv1.Revocation_KIND_SESSION:
		return auth.RevokedSession, true
	case maasv1.Revocation_KIND_USER:
		return auth.RevokedUser, true
	case maasv1.Revocation_KIND_TENANT:
		return auth.RevokedTenant, true
	case maasv1.Revocation_KIND_KEY:
		return auth.RevokedKey, true
	default:
		return "", false
	}
}
