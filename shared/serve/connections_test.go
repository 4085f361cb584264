package serve_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/httpserver"
	"github.com/17882237881/MaaS/shared/serve"
)

func TestARefusedConnectionIsToldTheLimitAndItsSetting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why    httpserver.Refusal
		status int
		says   string
	}{
		{httpserver.Refusal{Limit: 7}, http.StatusServiceUnavailable, "by MAAS_MAX_CONNECTIONS."},
		{httpserver.Refusal{Limit: 7, PerAddress: true}, http.StatusTooManyRequests, "by MAAS_MAX_CONNECTIONS_PER_ADDRESS."},
	} {
		w := httptest.NewRecorder()
		serve.RefuseConnection(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/models", nil), c.why)
		text := w.Body.String()
		if w.Code != c.status || w.Header().Get("Retry-After") == "" || !strings.Contains(text, "7 connections") || !strings.Contains(text, c.says) {
			t.Errorf("%+v is answered %d: %s", c.why, w.Code, text)
		}
	}
}
