package function

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func request(body string) functiontest.Request {
	return functiontest.Request{Method: http.MethodPost, Path: "/v1/auth/login", Body: body}
}

func TestLoginAnswersWithTokens(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "login", New(), w.Vars)
	var out api.Tokens
	answer := f.Must(request(`{"email":"ana@example.com","password":"`+identitytest.Password+`"}`), http.StatusOK, &out)

	if out.AccessToken == "" || out.RefreshToken == "" || out.TokenType != "Bearer" || out.ExpiresIn != 900 {
		t.Errorf("answer is %+v", out)
	}
	if answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
}

func TestLoginRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "login", New(), w.Vars)
	f.AssertRefuses(t, request(""), map[string]functiontest.Refusal{
		"no body":          {Kind: fault.Invalid},
		"no JSON":          {Body: "[", Kind: fault.Invalid},
		"missing fields":   {Body: "{}", Kind: fault.Invalid, Fields: []string{"password"}},
		"no name":          {Body: `{"password":"x"}`, Kind: fault.Invalid, Fields: []string{"email", "username"}},
		"two names":        {Body: `{"password":"x","email":"a@b.c","username":"a"}`, Kind: fault.Invalid, Fields: []string{"email", "username"}},
		"unknown field":    {Body: `{"user":"x"}`, Kind: fault.Invalid, Fields: []string{"user"}},
		"wrong type":       {Body: `{"email":"a@b.c","password":[]}`, Kind: fault.Invalid, Fields: []string{"password"}},
		"oversize":         {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
		"a wrong password": {Body: `{"email":"ana@example.com","password":"x"}`, Kind: fault.Unauthenticated},
		"an unknown user":  {Body: `{"username":"nobody","password":"x"}`, Kind: fault.Unauthenticated},
		"a foreign tenant": {
			Body: `{"email":"ana@example.com","password":"` + identitytest.Password + `","tenant":"rival"}`, Kind: fault.NotFound, Fields: []string{"tenant"},
		},
	})
}
