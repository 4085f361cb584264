package identity_test

import (
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/identity"
	"github.com/17882237881/MaaS/shared/identitytest"
)

const ana = api.Email("ana@example.com")

// desk is a world with someone who signs people in and out.
type desk struct {
	*identitytest.World
	*identity.Sessions

	verifier *auth.Verifier
}

func newDesk(t *testing.T) desk {
	t.Helper()
	w := identitytest.New(t)
	sessions, err := identity.OpenSessions(t.Context(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.OpenVerifier(w.Env)
	if err != nil {
		t.Fatal(err)
	}
	return desk{w, sessions, verifier}
}

func (d desk) login(t *testing.T, email api.Email, password api.Password) (api.Tokens, error) {
	t.Helper()
	return d.Login(t.Context(), anyone(d.Owner), api.LoginRequest{Email: &email, Password: password})
}

func (d desk) mustLogin(t *testing.T) api.Tokens {
	t.Helper()
	tokens, err := d.login(t, ana, identitytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// anyone returns a caller without a credential, at the same address.
func anyone(who auth.Principal) auth.Principal { return auth.Principal{Address: who.Address} }

func TestLoginGivesTokensOfTheTenantAndItsRoles(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	tokens := d.mustLogin(t)
	claims, err := d.verifier.Verify(tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Subject != d.Owner.User || claims.TenantName != "acme" || claims.Roles[0] != api.Owner || tokens.ExpiresIn != 900 {
		t.Errorf("claims are %+v, good for %d s", claims, tokens.ExpiresIn)
	}
	if d.Audited(d.Owner, "session.create", "done") != 1 {
		t.Error("the sign-in is not in the log")
	}
}

func TestAWrongPasswordIsAnsweredAsAnUnknownUser(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, wrong := d.login(t, ana, "correct horse battery stable")
	_, unknown := d.login(t, "bob@example.com", identitytest.Password)
	faulttest.AssertKind(t, wrong, fault.Unauthenticated)
	if wrong.Error() != unknown.Error() {
		t.Errorf("a wrong password is told %q, an unknown user %q", wrong, unknown)
	}
	if d.Audited(d.Owner, "session.create", "refused") != 1 || d.Audited(auth.Principal{}, "session.create", "refused") != 1 {
		t.Error("the refusals are not in the logs of the tenant and of the operator")
	}
}

func TestLoginNeedsExactlyOneName(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, err := d.Login(t.Context(), auth.Principal{}, api.LoginRequest{Password: identitytest.Password})
	faulttest.AssertKind(t, err, fault.Invalid, "email", "username")
}

func TestAMemberOfSeveralTenantsSaysWhich(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	rival := d.Tenant("rival")
	d.Join(d.Owner, rival)
	_, err := d.login(t, ana, identitytest.Password)
	faulttest.AssertKind(t, err, fault.Invalid, "tenant")

	for name, kind := range map[ref.Tenant]fault.Kind{"rival": "", "nowhere": fault.NotFound} {
		email := ana
		tokens, err := d.Login(t.Context(), auth.Principal{}, api.LoginRequest{Email: &email, Password: identitytest.Password, Tenant: &name})
		if kind != "" {
			faulttest.AssertKind(t, err, kind, "tenant")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := d.verifier.Verify(tokens.AccessToken); err != nil || claims.Tenant != rival.Tenant {
			t.Errorf("the token is for %s, %v", claims.TenantName, err)
		}
	}
}

func TestFailuresMakeAnAccountWaitWhateverTheAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	email := ana
	for i := range 5 {
		from := auth.Principal{Address: d.Owner.Address}
		for range i {
			from.Address = from.Address.Next()
		}
		_, err := d.Login(t.Context(), from, api.LoginRequest{Email: &email, Password: "wrong"})
		faulttest.AssertKind(t, err, fault.Unauthenticated)
	}
	_, err := d.login(t, ana, identitytest.Password)
	faulttest.AssertKind(t, err, fault.RateLimited)
	if after := fault.From(err).RetryAfter; after <= 0 {
		t.Errorf("it says to wait for %v", after)
	}
}

func TestFailuresMakeAnAddressWaitWhateverTheAccount(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, name := range []api.Email{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"} {
		_, err := d.login(t, name, "wrong")
		faulttest.AssertKind(t, err, fault.Unauthenticated)
	}
	_, err := d.login(t, ana, identitytest.Password)
	faulttest.AssertKind(t, err, fault.RateLimited)
}
