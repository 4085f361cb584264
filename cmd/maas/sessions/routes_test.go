package sessions

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// unserved are the routes of the API that the client has no method for.
var unserved = []string{
	"GET /.well-known/jwks.json", "GET /openapi.json", // for other programs
	"GET /v1/events", "GET /v1/uploads/{id}/events", // streams
	"GET /v2", "GET /v2/health/live", "GET /v2/models/{t}/{m}", "GET /v2/models/{t}/{m}/ready", // the Open Inference Protocol has clients of its own
	"GET /v2/models/{t}/{m}/versions/{ref}", "GET /v2/models/{t}/{m}/versions/{ref}/ready",
}

// TestTheClientHasAMethodForEachRoute calls each method of the client, and compares the routes that are asked for with the table.
func TestTheClientHasAMethodForEachRoute(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]bool{}
	mux, want := http.NewServeMux(), []string{}
	for _, route := range httpapi.Routes() {
		if route.Events || strings.Contains(route.Pattern, "POST /grpc.") || strings.Contains(route.Pattern, "Service/") {
			continue
		}
		if !slices.Contains(unserved, route.Pattern) {
			want = append(want, route.Pattern)
		}
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			defer mu.Unlock()
			asked[route.Pattern] = true
			w.WriteHeader(http.StatusNotFound)
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := maas.New(server.URL, maas.WithToken("t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)

	callAll(t, client)

	for _, pattern := range want {
		if !asked[pattern] {
			t.Errorf("no method of the client asks for %s", pattern)
		}
	}
}

// callAll calls each method that takes a context and at most one request of package api or maas.
func callAll(t *testing.T, client *maas.Client) {
	t.Helper()
	v := reflect.ValueOf(client)
	version := ref.Version{}.Next(ref.BumpMajor)
	target := ref.Target{Model: ref.Model{Tenant: "acme", Name: "fraud"}, Selector: ref.Exact(version)}
	for _, method := range v.Methods() {
		if method.Type().NumIn() == 2 && method.Type().In(1).Kind() == reflect.Struct && method.Type().Out(0).Kind() != reflect.Func {
			in := reflect.New(method.Type().In(1)).Elem()
			for name, value := range map[string]any{
				"Model": target.Model, "Version": version, "Ref": target.Selector, "Alias": ref.Alias("production"), "Path": ref.Path("model.onnx"), "ID": api.ID{1}, "Target": target,
			} {
				field := in.FieldByName(name)
				switch {
				case !field.IsValid():
				case field.Type() == reflect.TypeOf(value):
					field.Set(reflect.ValueOf(value))
				case field.Kind() == reflect.String:
					field.SetString("x")
				}
			}
			method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
			continue
		}
		if method.Type().NumIn() == 1 && method.Type().NumOut() > 0 {
			method.Call([]reflect.Value{reflect.ValueOf(t.Context())})
		}
	}
	_, _ = client.Infer(t.Context(), maas.InferRequest{Target: ref.Target{Model: target.Model}})
	_ = client.SendChunk(t.Context(), api.ID{1}, 0, 1, ref.SumOf([]byte("x")), func() io.Reader { return strings.NewReader("x") })
	_, _ = client.OpenFile(t.Context(), api.FileRequest{Model: target.Model, Ref: target.Selector, Path: "model.onnx"}, 0)
}
