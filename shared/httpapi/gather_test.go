package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestFunctionsAreGatheredByTheTable(t *testing.T) {
	t.Parallel()
	functions := map[string]http.Handler{}
	for _, name := range []string{"models", "sweep", "api-keys"} {
		functions[name] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name+" "+r.URL.Path) })
	}
	public, internal := Public(functions), Internal(functions)
	cases := []struct {
		listener           http.Handler
		method, path, want string
		status             int
	}{
		{public, "GET", "/v1/models/acme/fraud", "models /v1/models/acme/fraud", 200},
		{public, "POST", "/maas.v1.ModelService/Resolve", "", 404},
		{public, "POST", "/maas.v1.IdentityService/VerifyKey", "", 404},
		{public, "POST", "/sweep", "", 404},
		{public, "POST", "/v1/uploads", "", 404},
		{public, "PUT", "/v1/api-keys", "", 405},
		{internal, "POST", "/sweep", "sweep /", 200},
		{internal, "POST", "/maas.v1.IdentityService/VerifyKey", "api-keys /maas.v1.IdentityService/VerifyKey", 200},
		{internal, "POST", "/maas.v1.ModelService/Resolve", "models /maas.v1.ModelService/Resolve", 200},
		{internal, "GET", "/v1/models", "", 404},
	}
	for _, c := range cases {
		w := httptest.NewRecorder()
		c.listener.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody))
		if w.Code != c.status || c.want != "" && w.Body.String() != c.want {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.want)
		}
	}
}
