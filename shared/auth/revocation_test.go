package auth_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/auth"
)

func TestARevocationEndsWhatWasIssuedBeforeIt(t *testing.T) {
	t.Parallel()
	now := time.Now()
	claims := auth.Claims{Subject: uuid.New(), Session: uuid.New(), Tenant: uuid.New()}
	for kind, id := range map[auth.Revoked]string{
		auth.RevokedSession: claims.Session.String(), auth.RevokedUser: claims.Subject.String(), auth.RevokedTenant: claims.Tenant.String(),
	} {
		var list auth.Revocations
		list.Merge([]auth.Revocation{{Kind: kind, ID: id, Before: now, Expires: now.Add(time.Minute)}}, now)
		for _, c := range []struct {
			issued time.Time
			want   bool
		}{{now.Add(-time.Hour), true}, {now.Truncate(time.Second), true}, {now.Add(time.Second), kind == auth.RevokedSession}} {
			claims.IssuedAt = c.issued
			if got := list.CoversToken(claims); got != c.want {
				t.Errorf("%s: a token of %v is revoked: %v, want %v", kind, c.issued.Sub(now), got, c.want)
			}
		}
	}
}

func TestMergeKeepsTheLatestAndForgetsWhatExpired(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var list auth.Revocations
	user := uuid.New()
	list.Merge([]auth.Revocation{{Kind: auth.RevokedUser, ID: user.String(), Before: now, Expires: now.Add(time.Minute)}}, now)
	list.Merge([]auth.Revocation{{Kind: auth.RevokedUser, ID: user.String(), Before: now.Add(-time.Hour), Expires: now.Add(time.Minute)}}, now)
	who := auth.Principal{Key: "k", User: user}
	if !list.CoversKey(who, now.Add(-time.Second)) {
		t.Error("an older revocation took a newer one's place")
	}
	list.Merge(nil, now.Add(2*time.Minute))
	if list.CoversKey(who, now.Add(-time.Second)) {
		t.Error("it was kept longer than it says")
	}
}
