package function

import (
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMeIsTheCaller(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "users", New(), w.Vars)
	w.Join(w.Owner, w.Tenant("rival"))
	var me api.Me
	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me", Token: w.Token(w.Owner)}, http.StatusOK, &me)
	if me.ID == nil || *me.ID != api.ID(w.Owner.User) || me.Email == nil || *me.Email != "ana@example.com" || me.Tenant != "acme" || len(me.Tenants) != 2 ||
		me.Scopes != nil || me.Key != nil {
		t.Errorf("answer is %+v", me)
	}
}

func TestAKeyIsToldOfItselfAndNothingOfItsMaker(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "users", New(), w.Vars)
	w.Join(w.Owner, w.Tenant("rival"))
	token := w.APIKey(w.Owner, "inference:execute")
	var me api.Me
	answer := f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me", Token: token}, http.StatusOK, &me)
	if me.Key == nil || me.Key.Secret != "" || !strings.Contains(token, me.Key.ID) || me.Tenant != "acme" || len(me.Scopes) != 1 || len(me.Key.Scopes) != 1 {
		t.Errorf("answer is %s", answer.Body)
	}
	for _, makers := range []string{"ana", w.Owner.User.String(), "owner", "rival", "roles", "tenants", "email"} {
		if strings.Contains(string(answer.Body), makers) {
			t.Errorf("the key is told %q: %s", makers, answer.Body)
		}
	}
}

func TestAPasswordIsChanged(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "users", New(), w.Vars)
	who := w.Member(w.Owner, api.Caller)
	in := functiontest.Request{
		Method: http.MethodPut, Path: "/v1/auth/password", Token: w.Token(who),
		Body: `{"old":"` + identitytest.Password + `","new":"a different long sentence"}`,
	}
	f.Must(in, http.StatusNoContent, nil)
	f.Do(in).AssertProblem(t, fault.Invalid, "old")
}

func TestUsersRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "users", New(), w.Vars)
	me := functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me", Token: w.Token(w.Owner)}
	f.AssertNeedsCredential(t, me)
	f.AssertRefuses(t, me, map[string]functiontest.Refusal{
		"an unknown parameter": {Path: "/v1/users/me?x=1", Kind: fault.Invalid, Fields: []string{"x"}},
	})
	f.AssertRefuses(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/auth/password", Token: w.Token(w.Owner)},
		map[string]functiontest.Refusal{
			"no body":        {Kind: fault.Invalid},
			"missing fields": {Body: "{}", Kind: fault.Invalid, Fields: []string{"old", "new"}},
			"unknown field":  {Body: `{"password":"x"}`, Kind: fault.Invalid, Fields: []string{"password"}},
			"wrong type":     {Body: `{"old":{},"new":"x"}`, Kind: fault.Invalid, Fields: []string{"old"}},
			"oversize":       {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
			"an easy password": {
				Body: `{"old":"` + identitytest.Password + `","new":"123456789012"}`, Kind: fault.Invalid, Fields: []string{"new"},
			},
			"an API key": {
				Token: w.APIKey(w.Owner, "*:*"), Body: `{"old":"` + identitytest.Password + `","new":"a different long sentence"}`, Kind: fault.Forbidden,
			},
		})
}
