package journeys

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/openinferencetest"
)

// TestTheJourneyByPlainHTTP takes the way of the README's curl.
func TestTheJourneyByPlainHTTP(t *testing.T) {
	t.Parallel()
	u := e2etest.Stranger(t, the.Server)
	s := e2etest.Visit(t, the.Server)
	account := fmt.Sprintf(`{"email":%q,"password":%q,"tenant":%q}`, u.Email, e2etest.Password, u.Tenant)
	s.Post("/v1/auth/register", account, http.StatusCreated, nil)
	the.Leaving(u)
	var session struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	s.Post("/v1/auth/login", account, http.StatusOK, &session)
	s.Token = session.Access

	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	s.Upload(u.Of("digits"), "1.0.0", e2etest.Content(t, "digits.onnx"))
	version := "/v1/models/" + u.Of("digits") + "/versions/1.0.0"
	s.Post(version+"/publish", `{"changelog":"first","deterministic":true}`, http.StatusAccepted, nil)
	s.Becomes(version, `"is_latest":true`)

	infer := functiontest.Request{
		Method: "POST", Path: "/v2/models/" + u.Of("digits") + "/infer", Token: s.Token, Body: string(e2etest.Content(t, "digits-request.json")),
	}
	for _, cache := range []string{"miss", "hit"} {
		answer := s.Must(infer, http.StatusOK, nil)
		openinferencetest.AssertClose(t, answer.Body, e2etest.Content(t, "digits-expected.json"))
		if answer.Header.Get("X-Model-Version") != "1.0.0" || answer.Header.Get("X-Cache") != cache {
			t.Errorf("version %s, cache %s, want 1.0.0 and %s", answer.Header.Get("X-Model-Version"), answer.Header.Get("X-Cache"), cache)
		}
	}

	s.Post("/v1/auth/logout", `{"refresh_token":"`+session.Refresh+`"}`, http.StatusNoContent, nil)
	e2etest.Eventually(t, "the access token ends with the session", 10*time.Second, func() bool {
		return s.Do(infer).Status == http.StatusUnauthorized
	})
}
