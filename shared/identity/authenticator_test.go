package identity_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/identity"
)

func TestAccessTokensStopWithinFiveSecondsOfALogout(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, authn := openKeys(t, d.World)
	tokens, err := d.refresh(t, d.RefreshToken(d.Owner))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := d.verifier.Verify(tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := authn.Check(t.Context(), claims); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Logout(t.Context(), anyone(d.Owner), api.LogoutRequest{RefreshToken: tokens.RefreshToken}); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	for err = nil; err == nil && time.Since(ended) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		err = authn.Check(t.Context(), claims)
	}
	faulttest.AssertKind(t, err, fault.Unauthenticated)
}

func TestWithoutTheDatabaseNobodyIsLetIn(t *testing.T) {
	t.Parallel()
	vars := map[string]string{
		"DATABASE_URL":     "postgres://nobody@127.0.0.1:1/nothing", // TCP port 1 is closed everywhere
		"MAAS_SERVICE_KEY": "the secret that the functions of a test share",
	}
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	authn, err := identity.OpenAuthenticator(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	faulttest.AssertKind(t, authn.Check(t.Context(), auth.Claims{}), fault.Unavailable)
	_, err = authn.APIKey(t.Context(), auth.NewAPIKey())
	faulttest.AssertKind(t, err, fault.Unavailable)
}
