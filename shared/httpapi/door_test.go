package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
)

func TestThePathDecidesTheDoor(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]Door{
		"/v1": API, "/v1/": API, "/v1/models": API, "/v1/models/acme/fraud/": API, "/openai/v1/models": API, "/mcp": API, "/api/models/acme/fraud": API,
		"/health/readiness": API, "/version": API, "/schemas/x": API, "/upload/init": API, "/auth/login": API,
		"/.well-known/jwks.json": API, "/openapi.json": API, "/maas.v1.ModelService/GetModel": API, "/new.v1.Service/Method": API, "/favicon.ico": API,
		"/v2": API, "/v2/models": API, "/v2/models/": API, "/v2/models/acme/fraud/infer": API, "/v2/health": API, "/v2/health/live": API,
		"/v2/": OCI, "/v2/acme/fraud/manifests/1.4.0": OCI, "/v2/acme": OCI, "/v2/modelsx/m/tags/list": OCI, "/v2/Models/m/tags/list": OCI, "/v2/v1/m/blobs/x": OCI,
		"/acme": Hub, "/acme/fraud/resolve/main/model.onnx": Hub, "/acme/fraud.git/info/lfs/objects/batch": Hub, "/v3/x": Hub, "/v10": Hub, "/models/m/resolve/x": Hub,
		"/": Console, "": Console, "/ui": Console, "/ui/": Console, "/ui/models/acme": Console,

		// Paths are compared by their case, and are resolved and unescaped as http.ServeMux does.
		"/V1/x": Hub, "/UI/": Hub, "//": Console, "/.": Console, "/..": Console, "v1/models": API,
		"//v1//models": API, "/./v1/x": API, "/acme/../v1/x": API, "/v1/../acme/fraud": Hub, "/v2//models": API, "/v2/.": API, "/v2/./": OCI, "/v2/x/..": API,
		"/v2/acme/../models/x": API, "/v2/models/../acme": OCI, "/v2//": OCI,
		"/%761/models": API, "/v1%2Fmodels": Hub, "/v2/%6Dodels/acme": API, "/v2/models%2Facme": OCI, "/%2E%2E/v1": API, "/%": Hub, "/%zz/v1": Hub, "/v1%00": Hub,
	} {
		if got := DoorOf(path); got != want {
			t.Errorf("%q is at door %d, want %d", path, got, want)
		}
	}
}

func TestARouteIsAtTheDoorOfItsRequests(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]Door{
		"GET /{t}/{m}/resolve/{rev}/{path...}": Hub, "POST /{t}/{git}/info/lfs/objects/batch": Hub, "GET /{all...}": Hub,
		"GET /v2/{$}": OCI, "GET /v2/": OCI, "GET /v2/{t}/{m}/manifests/{ref}": OCI, "GET /v2/{name...}": OCI,
		"GET /{$}": Console, "GET /ui/": Console, "GET /ui/{page...}": Console, "POST /mcp": API, "GET /api/models/{id...}": API,
	} {
		if got := (Route{Pattern: pattern}).Door(); got != want {
			t.Errorf("%s is at door %d, want %d", pattern, got, want)
		}
	}
	for _, route := range Routes() {
		if _, path, _ := strings.Cut(route.Pattern, " "); path != anything && route.Door() != API {
			t.Errorf("%s is at door %d: its first segment is not reserved", route.Pattern, route.Door())
		}
	}
}

// comingRoutes are at doors that have no function yet. In a single http.ServeMux they conflict with the table's.
var comingRoutes = []Route{
	{Pattern: "GET /{t}/{m}/resolve/{rev}/{path...}", Function: "hub"},
	{Pattern: "POST /{t}/{git}/info/lfs/objects/batch", Function: "hub"},
	{Pattern: "GET /v2/{$}", Function: "oci"},
	{Pattern: "GET /v2/{t}/{m}/manifests/{ref}", Function: "oci"},
	{Pattern: "GET /{$}", Function: "console"},
	{Pattern: "GET /ui/", Function: "console"},
}

func TestEachDoorHasItsOwnRoutes(t *testing.T) {
	t.Parallel()
	functions := map[string]http.Handler{}
	table := append(Routes(), comingRoutes...)
	for _, route := range table {
		functions[route.Function] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, route.Function) })
	}
	all := gather(table, functions, func(route Route) (string, bool) { return route.Pattern, !route.Events })
	for _, c := range []struct {
		method, path, function string
		status                 int
	}{
		{"GET", "/acme/fraud/resolve/main/onnx/model.onnx", "hub", 200},
		{"POST", "/acme/fraud.git/info/lfs/objects/batch", "hub", 200},
		{"GET", "/v1/models/resolve/x", "models", 200}, // the model x of a tenant called resolve
		{"GET", "/v1/fraud/resolve/main/model.onnx", "", 404},
		{"GET", "/api/fraud/resolve/main/model.onnx", "", 404},
		{"GET", "/%761/fraud/resolve/main/model.onnx", "", 404},
		{"GET", "/v1/models/acme/fraud", "models", 200},
		{"GET", "/v1/models/acme/fraud/versions/1.4.0/files/a/b.onnx", "versions", 200},
		{"GET", "/v2/acme/fraud/manifests/1.4.0", "oci", 200},
		{"GET", "/v2/models/acme/manifests/x", "", 404},
		{"GET", "/v2/", "oci", 200},
		{"GET", "/v2", "infer", 200},
		{"POST", "/v2/models/acme/fraud/infer", "infer", 200},
		{"POST", "/v2/acme/fraud/manifests/1.4.0", "", 405},
		{"DELETE", "/acme/fraud/resolve/main/model.onnx", "", 405},
		{"POST", "/inference.GRPCInferenceService/ModelInfer", "infer", 200},
		{"GET", "/", "console", 200},
		{"GET", "/ui/models", "console", 200},
		{"GET", "/ui", "", 307},
		{"GET", "/acme/../v1/models", "", 307},
		{"GET", "//v1/models", "", 307},
		{"GET", "/acme", "", 404},
		{"GET", "/V1/models", "", 404},
	} {
		w := httptest.NewRecorder()
		all.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody))
		if w.Code != c.status || c.function != "" && w.Body.String() != c.function {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.function)
		}
	}
}

// TestRoutesOfAllPathsAreAtEachDoor is about functions that events start: whatever the path that a broker posts to, the event is taken.
func TestRoutesOfAllPathsAreAtEachDoor(t *testing.T) {
	t.Parallel()
	r := newRouter()
	r.Handle("POST /", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	for _, path := range []string{"/", "/v1/x", "/v2/", "/acme/fraud", "/ui/"} {
		for method, want := range map[string]int{"POST": http.StatusAccepted, "GET": http.StatusMethodNotAllowed} {
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			if w.Code != want {
				t.Errorf("%s %s: %d, want %d", method, path, w.Code, want)
			}
		}
	}
}

// TestChoosingTheDoorOfACallAllocatesNothing is not parallel: testing.AllocsPerRun counts the whole process.
func TestChoosingTheDoorOfACallAllocatesNothing(t *testing.T) { //nolint:paralleltest // see above
	for _, path := range []string{"/v2/models/acme/fraud/infer", "/v2/models/acme/fraud/versions/1.4.0/infer", "/inference.GRPCInferenceService/ModelInfer"} {
		u := &url.URL{Path: path}
		if n := testing.AllocsPerRun(100, func() { _ = DoorOf(u.EscapedPath()) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func BenchmarkDoorOf(b *testing.B) {
	u := &url.URL{Path: "/v2/models/acme/fraud/versions/1.4.0/infer"}
	b.ReportAllocs()
	for b.Loop() {
		_ = DoorOf(u.EscapedPath())
	}
}

// FuzzDoorOf compares DoorOf with an http.ServeMux that has a pattern for each door's paths.
func FuzzDoorOf(f *testing.F) {
	for _, seed := range []string{
		"/", "/v1", "/v2/", "/v2/models/", "//v1/x", "/a/../v1", "/%761/x", "/v1%2Fx", "/.well-known/x", "/ui", "/acme/fraud/resolve/main/x", "/%", "*", "/v2/./", "/v2/%2e", "/%2F", "/%2f/v1",
	} {
		f.Add(seed)
	}
	mux, doorOf := http.NewServeMux(), map[string]Door{"": Hub}
	add := func(door Door, patterns ...string) {
		for _, pattern := range patterns {
			mux.HandleFunc(pattern, http.NotFound)
			doorOf[pattern] = door
		}
	}
	add(Hub, "/{all...}")
	add(Console, "/{$}", "/ui", "/ui/{all...}")
	add(API, "/v2")
	add(OCI, "/v2/{all...}")
	for _, segment := range ref.InferenceSegments() {
		add(API, "/v2/"+segment, "/v2/"+segment+"/{all...}")
	}
	for _, segment := range ref.FirstSegments() {
		if segment != "ui" && segment != "v2" {
			add(API, "/"+segment, "/"+segment+"/{all...}")
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if door := DoorOf(text); door < 0 || door >= doors {
			t.Fatalf("%q is at door %d", text, door)
		}
		u, err := url.ParseRequestURI(text)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return
		}
		_, pattern := mux.Handler(&http.Request{Method: http.MethodGet, URL: u})
		got, want := DoorOf(u.EscapedPath()), doorOf[pattern]
		if want == Hub && got == API && strings.Contains(u.Path, ".") {
			return // the name of a gRPC service, which the patterns do not know
		}
		if pattern == "/{$}" && got == Hub && strings.EqualFold(u.EscapedPath(), "/%2F") {
			return // http.ServeMux takes a segment that is a slash for the end of the path
		}
		if got != want {
			t.Errorf("%q is at door %d; http.ServeMux matches %q, of door %d", u.EscapedPath(), got, pattern, want)
		}
	})
}
