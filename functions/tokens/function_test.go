package function

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	refresh = "/v1/auth/refresh"
	logout  = "/v1/auth/logout"
)

func request(path, token string) functiontest.Request {
	return functiontest.Request{Method: http.MethodPost, Path: path, Body: `{"refresh_token":"` + token + `"}`}
}

func TestARefreshTokenIsGoodUntilLogout(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "tokens", New(), w.Vars)
	var out api.Tokens
	f.Must(request(refresh, w.RefreshToken(w.Owner)), http.StatusOK, &out)
	answer := f.Must(request(logout, out.RefreshToken), http.StatusNoContent, nil)
	if len(answer.Body) != 0 {
		t.Errorf("logout answers %s", answer.Body)
	}
	f.Do(request(refresh, out.RefreshToken)).AssertProblem(t, fault.Unauthenticated)
}

func TestThePublicKeysAreThere(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "tokens", New(), w.Vars)
	var set auth.KeySet
	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/.well-known/jwks.json"}, http.StatusOK, &set)
	if len(set.Keys) != 2 || set.Keys[0].D != "" || set.Keys[0].ID == "" {
		t.Errorf("keys are %+v", set)
	}
}

func TestTokensRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "tokens", New(), w.Vars)
	for _, path := range []string{refresh, logout} {
		f.AssertRefuses(t, functiontest.Request{Method: http.MethodPost, Path: path}, map[string]functiontest.Refusal{
			path + " no body":       {Kind: fault.Invalid},
			path + " no JSON":       {Body: "x", Kind: fault.Invalid},
			path + " missing field": {Body: "{}", Kind: fault.Invalid, Fields: []string{"refresh_token"}},
			path + " unknown field": {Body: `{"token":"x"}`, Kind: fault.Invalid, Fields: []string{"token"}},
			path + " wrong type":    {Body: `{"refresh_token":1}`, Kind: fault.Invalid, Fields: []string{"refresh_token"}},
			path + " oversize":      {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
		})
	}
	f.AssertRefuses(t, request(refresh, "unknown"), map[string]functiontest.Refusal{
		"an unknown token": {Kind: fault.Unauthenticated},
		"an empty token":   {Body: `{"refresh_token":""}`, Kind: fault.Unauthenticated},
		"an access token":  {Body: `{"refresh_token":"` + w.Token(w.Owner) + `"}`, Kind: fault.Unauthenticated},
		"a bad tenant":     {Body: `{"refresh_token":"x","tenant":"A B"}`, Kind: fault.Invalid, Fields: []string{"tenant"}},
	})
}
