package function

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/resolvertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	path     = "/v2/models/acme/echo/infer"
	question = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}`
)

// newInfer starts the function with acme/echo ready, and returns a developer's token.
func newInfer(t *testing.T) (f *functiontest.Function, r *resolvertest.Server, token string) {
	t.Helper()
	r = resolvertest.New(t)
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"model_name":"echo","outputs":[]}`))
	}))
	t.Cleanup(model.Close)
	r.Ready("echo", "1.0.0", model.URL)
	token = r.TokenOf(r.Owner())
	return functiontest.Start(t, "infer", New(), r.Vars), r, token
}

func TestACallReachesTheModel(t *testing.T) {
	t.Parallel()
	f, _, token := newInfer(t)

	for _, address := range []string{path, "/v2/models/acme/echo/versions/latest/infer", "/v2/models/acme/echo/versions/1.0.0/infer"} {
		f.Must(functiontest.Request{Method: http.MethodPost, Path: address, Token: token, Body: question}, http.StatusOK, nil)
	}
}

func TestAnAPIKeyCalls(t *testing.T) {
	t.Parallel()
	f, r, _ := newInfer(t)
	who := r.Owner()
	who.Scopes = []api.Permission{"inference:execute"}
	key := r.AddKey(who)

	f.Must(functiontest.Request{Method: http.MethodPost, Path: path, Token: key.String(), Body: question}, http.StatusOK, nil)
}

func TestACallNeedsACredentialAndAPermission(t *testing.T) {
	t.Parallel()
	f, r, _ := newInfer(t)
	viewer := r.Owner()
	viewer.Roles = []api.Role{api.Viewer}
	call := functiontest.Request{Method: http.MethodPost, Path: path, Body: question}

	f.Do(call).AssertProblem(t, fault.Unauthenticated)
	call.Token = r.TokenOf(viewer)
	f.Do(call).AssertProblem(t, fault.Forbidden)
}

func TestTheServersOwnRoutesNeedNone(t *testing.T) {
	t.Parallel()
	f, _, _ := newInfer(t)

	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v2/health/live"}, http.StatusOK, nil)
	var server struct{ Name string }
	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v2"}, http.StatusOK, &server)
	if server.Name != "maas" {
		t.Errorf("the server is %v", server)
	}
}

func TestModelsAreDescribed(t *testing.T) {
	t.Parallel()
	f, _, token := newInfer(t)
	var meta struct {
		Name     string
		Versions []string
	}

	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v2/models/acme/echo", Token: token}, http.StatusOK, &meta)
	f.Must(functiontest.Request{Method: http.MethodGet, Path: "/v2/models/acme/echo/versions/1.0.0/ready", Token: token}, http.StatusOK, nil)

	if meta.Name != "acme/echo" || len(meta.Versions) != 1 {
		t.Errorf("metadata is %v", meta)
	}
}
