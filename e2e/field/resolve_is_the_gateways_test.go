package field

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestResolveIsForTheGatewayAlone asks as the owner of a model, and with a key that may read versions.
func TestResolveIsForTheGatewayAlone(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Serve("digits")
	api := u.Site()
	for _, token := range []string{"", api.Token, u.Key("version:read", "model:read")} {
		answer := api.Do(functiontest.Request{
			Method: http.MethodPost, Path: "/maas.v1.ModelService/Resolve", Token: token, Body: `{"model":"` + u.Of("digits") + `"}`,
			Header: map[string]string{"Content-Type": "application/json"},
		})
		if answer.Status != http.StatusNotFound && answer.Status != http.StatusUnauthorized && answer.Status != http.StatusForbidden ||
			strings.Contains(string(answer.Body), "endpoint") {
			t.Errorf("status %d: %s", answer.Status, answer.Body)
		}
	}
	e2etest.Eventually(t, "the gateway still resolves", time.Minute, func() bool {
		return api.Do(functiontest.Request{Method: http.MethodGet, Path: "/v2/models/" + u.Of("digits") + "/ready", Token: api.Token}).Status == http.StatusOK
	})
}
