package function

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/identitytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func request(body string) functiontest.Request {
	return functiontest.Request{Method: http.MethodPost, Path: "/v1/auth/register", Body: body}
}

func TestRegisterMakesAUserWhoOwnsANewTenant(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "register", New(), w.Vars)
	var out struct {
		User struct {
			ID, Email, Username, Tenant string
			Roles                       []string
		}
		Tenant string
	}
	f.Must(request(`{"email":"Bob@Example.com","password":"`+identitytest.Password+`","tenant":"bobs","username":"bob"}`), http.StatusCreated, &out)

	if out.User.Email != "bob@example.com" || out.User.Username != "bob" || out.Tenant != "bobs" || out.User.Roles[0] != "owner" || out.User.ID == "" {
		t.Errorf("answer is %+v", out)
	}
}

func TestRegisterRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "register", New(), w.Vars)
	with := func(field, value string) string {
		body := `{"email":"bob@example.com","password":"` + identitytest.Password + `","tenant":"bobs","username":"bob"}`
		_, rest, _ := strings.Cut(body, `"`+field+`":"`)
		old, _, _ := strings.Cut(rest, `"`)
		return strings.Replace(body, `"`+field+`":"`+old+`"`, `"`+field+`":`+value, 1)
	}
	f.AssertRefuses(t, request(""), map[string]functiontest.Refusal{
		"no body":            {Kind: fault.Invalid},
		"no JSON":            {Body: "{", Kind: fault.Invalid},
		"two values":         {Body: "{}{}", Kind: fault.Invalid},
		"missing fields":     {Body: "{}", Kind: fault.Invalid, Fields: []string{"email", "password", "tenant"}},
		"unknown field":      {Body: `{"mail":"x"}`, Kind: fault.Invalid, Fields: []string{"mail"}},
		"wrong type":         {Body: with("email", "1"), Kind: fault.Invalid, Fields: []string{"email"}},
		"oversize":           {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
		"no address":         {Body: with("email", `"bob"`), Kind: fault.Invalid, Fields: []string{"email"}},
		"a name as tenant":   {Body: with("tenant", `"Bob's"`), Kind: fault.Invalid, Fields: []string{"tenant"}},
		"a reserved tenant":  {Body: with("tenant", `"v1"`), Kind: fault.Invalid, Fields: []string{"tenant"}},
		"a bad username":     {Body: with("username", `"b@b"`), Kind: fault.Invalid, Fields: []string{"username"}},
		"a short password":   {Body: with("password", `"short"`), Kind: fault.Invalid, Fields: []string{"password"}},
		"a common password":  {Body: with("password", `"Password1234"`), Kind: fault.Invalid, Fields: []string{"password"}},
		"a taken email":      {Body: with("email", `"ANA@example.com"`), Kind: fault.Conflict, Fields: []string{"email"}},
		"a taken tenant":     {Body: with("tenant", `"acme"`), Kind: fault.Conflict, Fields: []string{"tenant"}},
		"an unknown address": {Path: "/v1/auth/registers", Kind: fault.NotFound},
	})
}

func TestARepeatedRegistrationIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	w := identitytest.New(t)
	f := functiontest.Start(t, "register", New(), w.Vars)
	in := request(`{"email":"bob@example.com","password":"` + identitytest.Password + `","tenant":"bobs"}`)
	in.Header = map[string]string{"Idempotency-Key": "1"}

	first, second := f.Must(in, http.StatusCreated, nil), f.Must(in, http.StatusCreated, nil)

	if !bytes.Equal(first.Body, second.Body) {
		t.Errorf("the answers are %s and %s", first.Body, second.Body)
	}
	in.Body = strings.Replace(in.Body, "bobs", "bobbies", 1)
	f.Do(in).AssertProblem(t, fault.Unprocessable, "Idempotency-Key")
}
