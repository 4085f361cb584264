package auth

import (
	"maps"
	"sync/atomic"
	"time"
)

// Revoked says what kind of thing a revocation names.
type Revoked string

// What can be revoked.
const (
	RevokedSession Revoked = "sid"
	RevokedUser    Revoked = "sub"
	RevokedTenant  Revoked = "tenant"
	RevokedKey     Revoked = "key"
)

// RevocationLifetime is how long a revocation is kept: what was issued before it, and every cached answer about it, has expired by then.
const RevocationLifetime = TokenLifetime + time.Minute

// RevocationInterval is how often revocations are asked for: what is revoked stops within two of these and the asking itself.
const RevocationInterval = 2 * time.Second

// Revocation makes what was issued to its subject before a time worthless. ID is a session's, user's or tenant's UUID, or a key's id.
type Revocation struct {
	Kind    Revoked
	ID      string
	Before  time.Time
	Expires time.Time // when the revocation itself may be forgotten
}

type subject struct {
	kind Revoked
	id   string
}

// Revocations is the list that a process keeps. It is safe for concurrent use, and reading it takes no lock. The zero value is empty.
type Revocations struct {
	list atomic.Pointer[map[subject]Revocation]
}

// Merge adds fresh to the list, and removes what has expired by now. Of two revocations of one subject it keeps the later. Calls of Merge must not
// overlap.
func (r *Revocations) Merge(fresh []Revocation, now time.Time) {
	list := map[subject]Revocation{}
	if old := r.list.Load(); old != nil {
		list = maps.Clone(*old)
	}
	for _, revocation := range fresh {
		s := subject{revocation.Kind, revocation.ID}
		if known, ok := list[s]; !ok || known.Before.Before(revocation.Before) {
			list[s] = revocation
		}
	}
	maps.DeleteFunc(list, func(_ subject, revocation Revocation) bool { return now.After(revocation.Expires) })
	r.list.Store(&list)
}

// Covers reports whether what was issued to the subject at the time has been revoked. For sessions and keys the time does not matter, since they
// are revoked for good. Tokens' times are cut to whole seconds, so that a token issued in the second of its revocation counts as issued before it.
func (r *Revocations) Covers(kind Revoked, id string, issued time.Time) bool {
	list := r.list.Load()
	if list == nil || len(*list) == 0 {
		return false
	}
	revocation, ok := (*list)[subject{kind, id}]
	return ok && (kind == RevokedSession || kind == RevokedKey || issued.Before(revocation.Before))
}

// CoversToken reports whether the session, user or tenant of an access token has been revoked since it was issued.
func (r *Revocations) CoversToken(c Claims) bool {
	if list := r.list.Load(); list == nil || len(*list) == 0 {
		return false
	}
	return r.Covers(RevokedSession, c.Session.String(), c.IssuedAt) || r.Covers(RevokedUser, c.Subject.String(), c.IssuedAt) ||
		r.Covers(RevokedTenant, c.Tenant.String(), c.IssuedAt)
}

// CoversKey reports whether an API key, its maker or its tenant has been revoked since the time, which is when an answer about the key was cached.
func (r *Revocations) CoversKey(who Principal, since time.Time) bool {
	return r.Covers(RevokedKey, who.Key, since) || r.Covers(RevokedUser, who.User.String(), since) ||
		r.Covers(RevokedTenant, who.Tenant.String(), since)
}
