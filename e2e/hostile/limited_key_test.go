package hostile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestALimitedKeyLearnsAndEndsNothingBeyondItsLimits has keys ask for whom they stand, and end the keys of others.
func TestALimitedKeyLearnsAndEndsNothingBeyondItsLimits(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	for _, model := range []string{"own", "secret"} {
		s.Post("/v1/models", fmt.Sprintf(`{"name":%q}`, model), http.StatusCreated, nil)
	}
	type key struct{ ID, Secret string }
	made := func(name, scopes, models string) (k key) {
		s.Post("/v1/api-keys", fmt.Sprintf(`{"name":%q,"scopes":%s%s}`, name, scopes, models), http.StatusCreated, &k)
		return k
	}
	own, secret := fmt.Sprintf(`,"models":[%q]`, u.Of("own")), fmt.Sprintf(`,"models":[%q]`, u.Of("secret"))
	calls := made("calls", `["inference:execute"]`, own)
	ends := made("ends", `["key:write"]`, own)
	others := map[string]key{"of all models": made("of all models", `["*:read"]`, ""), "of another model": made("of another", `["*:read"]`, secret)}
	mine := made("mine", `["model:read"]`, own)
	ask := func(method, path string, as key) functiontest.Answer {
		return s.Do(functiontest.Request{Method: method, Path: path, Token: as.Secret})
	}

	me := ask(http.MethodGet, "/v1/users/me", calls)
	if text := string(me.Body); me.Status != http.StatusOK || !strings.Contains(text, calls.ID) || !strings.Contains(text, u.Tenant) ||
		strings.Contains(text, u.Email) || strings.Contains(text, "owner") || strings.Contains(text, calls.Secret) {
		t.Errorf("a key that may call a model is told %d %s", me.Status, me.Body)
	}
	for name, other := range others {
		ask(http.MethodDelete, "/v1/api-keys/"+other.ID, ends).AssertProblem(t, fault.NotFound)
		if answer := ask(http.MethodGet, "/v1/models", other); answer.Status != http.StatusOK {
			t.Errorf("the key %s was ended: %d %s", name, answer.Status, answer.Body)
		}
	}
	ask(http.MethodGet, "/v1/api-keys", ends).AssertProblem(t, fault.Forbidden)
	if answer := ask(http.MethodDelete, "/v1/api-keys/"+mine.ID, ends); answer.Status != http.StatusNoContent {
		t.Errorf("a key within the limits: %d %s", answer.Status, answer.Body)
	}
}
