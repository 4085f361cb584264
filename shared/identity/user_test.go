package identity_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/idempotency"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/identitytest"
)

func openUsers(t *testing.T, w *identitytest.World) *identity.Users {
	t.Helper()
	users, err := identity.OpenUsers(t.Context(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func TestANewUserSignsInByBothNames(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	username, email := api.Username("bob"), api.Email("bob@example.com")
	out, err := openUsers(t, d.World).Register(t.Context(), anyone(d.Owner), api.RegisterRequest{
		Email: email, Username: &username, Tenant: "bobs", Password: identitytest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []api.LoginRequest{{Email: &email}, {Username: &username}} {
		in.Password = identitytest.Password
		tokens, err := d.Login(t.Context(), auth.Principal{}, in)
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := d.verifier.Verify(tokens.AccessToken); err != nil || claims.Subject != uuid.UUID(out.User.ID) || claims.Roles[0] != api.Owner {
			t.Errorf("claims are %+v, %v", claims, err)
		}
	}
}

func TestOneOfTwoRacingRegistrationsWins(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	users := openUsers(t, w)
	errs := make([]error, 2)
	var racers sync.WaitGroup
	for i, tenant := range []ref.Tenant{"one", "two"} {
		racers.Go(func() {
			_, errs[i] = users.Register(t.Context(), auth.Principal{}, api.RegisterRequest{
				Email: "bob@example.com", Tenant: tenant, Password: identitytest.Password,
			})
		})
	}
	racers.Wait()
	lost := errs[0]
	if lost == nil {
		lost = errs[1]
	} else if errs[1] != nil {
		t.Fatalf("both lost: %v", errs)
	}
	faulttest.AssertKind(t, lost, fault.Conflict, "email")
}

// TestAskingForAnEmailTakesAnAccount registers what would not become an account in any case: the answer says nothing of the email.
func TestAskingForAnEmailTakesAnAccount(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	users := openUsers(t, w)
	username := api.Username("taken")
	_, err := users.Register(t.Context(), auth.Principal{}, api.RegisterRequest{
		Email: "bob@example.com", Tenant: "bobs", Username: &username, Password: identitytest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []api.Email{"bob@example.com", "nobody@example.com"} {
		_, err := users.Register(t.Context(), auth.Principal{}, api.RegisterRequest{
			Email: email, Tenant: "fresh", Username: &username, Password: identitytest.Password,
		})
		faulttest.AssertKind(t, err, fault.Conflict, "username")
		_, err = users.Register(t.Context(), auth.Principal{}, api.RegisterRequest{Email: email, Tenant: "bobs", Password: identitytest.Password})
		faulttest.AssertKind(t, err, fault.Conflict, "tenant")
	}
}

func TestAChangedPasswordEndsEveryOtherSession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Join(d.Owner, d.Tenant("rival"))
	own := d.RefreshToken(d.Owner)
	rival := ref.Tenant("rival")
	email := ana
	other, err := d.Login(t.Context(), auth.Principal{}, api.LoginRequest{Email: &email, Password: identitytest.Password, Tenant: &rival})
	if err != nil {
		t.Fatal(err)
	}
	in := api.ChangePasswordRequest{Old: identitytest.Password, New: "a different long sentence"}
	if _, err := openUsers(t, d.World).ChangePassword(t.Context(), d.Owner, in); err != nil {
		t.Fatal(err)
	}
	_, err = d.refresh(t, other.RefreshToken)
	faulttest.AssertKind(t, err, fault.Unauthenticated)
	if !d.revoked(t, other) {
		t.Error("the other session's access token goes on")
	}
	if _, err := d.refresh(t, own); err != nil {
		t.Errorf("the user's own session ended: %v", err)
	}
	if d.Audited(d.Owner, "password.change", "done") != 1 {
		t.Error("the change is not in the log")
	}
}

func TestWrongOldPasswordsMakeWait(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	users := openUsers(t, w)
	change := func() error {
		_, err := users.ChangePassword(t.Context(), w.Owner, api.ChangePasswordRequest{Old: "wrong", New: "a different long sentence"})
		return err
	}
	for range 5 {
		faulttest.AssertKind(t, change(), fault.Invalid, "old")
	}
	faulttest.AssertKind(t, change(), fault.RateLimited)
	if n := w.Audited(w.Owner, "password.change", "refused"); n != 5 {
		t.Errorf("the log has %d refusals", n)
	}
}

func TestNoFastHashOfAPasswordIsStored(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	key := idempotency.Key{Value: "1", Route: "POST /v1/auth/register", Body: sha256.Sum256([]byte(`{"password":"` + identitytest.Password + `"}`))}
	_, err := openUsers(t, w).Register(idempotency.With(t.Context(), key), auth.Principal{}, api.RegisterRequest{
		Email: "bob@example.com", Tenant: "bobs", Password: identitytest.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	unkeyed := sha256.Sum256(append([]byte(key.Route+"\x00"), key.Body[:]...))
	var stored []byte
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "select request from idempotency_keys").Scan(&stored)
	})
	if bytes.Equal(stored, unkeyed[:]) {
		t.Error("whoever reads the table can try passwords against it")
	}
}
