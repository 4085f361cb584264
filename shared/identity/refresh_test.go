package identity_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/identity"
)

func (d desk) refresh(t *testing.T, token string) (api.Tokens, error) {
	t.Helper()
	return d.Refresh(t.Context(), anyone(d.Owner), api.RefreshRequest{RefreshToken: token})
}

// age makes all that was spent be spent longer ago than the grace.
func (d desk) age(t *testing.T) {
	t.Helper()
	d.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `update refresh_tokens set spent_at = spent_at - interval '11 seconds'`)
		return err
	})
}

func TestARefreshTokenIsSpentForItsSuccessor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.RefreshToken(d.Owner)
	second, err := d.refresh(t, first)
	if err != nil {
		t.Fatal(err)
	}
	third, err := d.refresh(t, second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if first == second.RefreshToken || second.RefreshToken == third.RefreshToken {
		t.Error("a refresh token was given twice")
	}
}

func TestALostAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.RefreshToken(d.Owner)
	tokens := make([]api.Tokens, 8)
	var racers sync.WaitGroup
	for i := range tokens {
		racers.Go(func() {
			var err error
			if tokens[i], err = d.refresh(t, first); err != nil {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	for _, one := range tokens {
		if one.RefreshToken != tokens[0].RefreshToken {
			t.Error("racers were given different successors")
		}
	}
	if n := d.Audited(d.Owner, "session.refresh", "done"); n != 1 {
		t.Errorf("the token was spent %d times", n)
	}
}

func TestAReusedRefreshTokenEndsItsFamily(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other, first := d.RefreshToken(d.Member(d.Owner, api.Viewer)), d.RefreshToken(d.Owner)
	second, err := d.refresh(t, first)
	if err != nil {
		t.Fatal(err)
	}
	d.age(t)
	_, err = d.refresh(t, first)
	faulttest.AssertKind(t, err, fault.Unauthenticated)
	_, err = d.refresh(t, second.RefreshToken)
	faulttest.AssertKind(t, err, fault.Unauthenticated)
	if !d.revoked(t, second) {
		t.Error("its access token goes on")
	}
	if d.Audited(d.Owner, "session.refresh", "refused") != 1 {
		t.Error("the reuse is not in the log")
	}
	if _, err := d.refresh(t, other); err != nil {
		t.Errorf("another session ended too: %v", err)
	}
}

func TestRefreshGivesAnAccessTokenForAnotherTenant(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.RefreshToken(d.Owner)
	rival := d.Tenant("rival")
	d.Join(d.Owner, rival)
	name := ref.Tenant("rival")
	second, err := d.Refresh(t.Context(), auth.Principal{}, api.RefreshRequest{RefreshToken: first, Tenant: &name})
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := d.verifier.Verify(second.AccessToken); err != nil || claims.Tenant != rival.Tenant {
		t.Errorf("the token is for %s, %v", claims.TenantName, err)
	}
	name = "nowhere"
	_, err = d.Refresh(t.Context(), auth.Principal{}, api.RefreshRequest{RefreshToken: second.RefreshToken, Tenant: &name})
	faulttest.AssertKind(t, err, fault.NotFound, "tenant")
	if _, err := d.refresh(t, second.RefreshToken); err != nil {
		t.Errorf("a refusal spent the token: %v", err)
	}
}

func TestLogoutEndsTheSessionAndItsAccessTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.RefreshToken(d.Owner)
	second, err := d.refresh(t, first)
	if err != nil {
		t.Fatal(err)
	}
	if d.revoked(t, second) {
		t.Error("an access token is revoked before the end")
	}
	for range 2 {
		if _, err := d.Logout(t.Context(), anyone(d.Owner), api.LogoutRequest{RefreshToken: first}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = d.refresh(t, second.RefreshToken)
	faulttest.AssertKind(t, err, fault.Unauthenticated)
	if !d.revoked(t, second) {
		t.Error("its access token goes on")
	}
	if n := d.Audited(d.Owner, "session.end", "done"); n != 1 {
		t.Errorf("the log has %d ends", n)
	}
}

func TestLogoutOfAnUnknownTokenDoesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.Logout(t.Context(), auth.Principal{}, api.LogoutRequest{RefreshToken: "unknown"}); err != nil {
		t.Error(err)
	}
}

// revoked reports whether the access token is on the list.
func (d desk) revoked(t *testing.T, tokens api.Tokens) bool {
	t.Helper()
	claims, err := d.verifier.Verify(tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := identity.Revocations(t.Context(), d.Postgres.DB, claims.IssuedAt)
	if err != nil {
		t.Fatal(err)
	}
	var known auth.Revocations
	known.Merge(list, claims.IssuedAt)
	return known.CoversToken(claims)
}
