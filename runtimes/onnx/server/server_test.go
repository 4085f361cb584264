package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/runtimes/onnx/model"
	"github.com/17882237881/MaaS/runtimes/onnx/ort/orttest"
	"github.com/17882237881/MaaS/runtimes/onnx/server"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/openinference"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a model server on a port of its own, and a client of it.
type world struct {
	t      *testing.T
	server *server.Server
	url    string
	client *openinference.Client
}

func settings() server.Config {
	return server.Config{MaxBody: 1 << 20, MaxRequests: 16, ReadTimeout: 30 * time.Second, MaxTimeout: time.Minute}
}

// newWorld serves a file of testdata; without one, nothing is loaded.
func newWorld(t *testing.T, file string, config server.Config) *world {
	t.Helper()
	w := &world{t: t, server: server.New(config, slog.New(slog.DiscardHandler)), client: openinference.NewClient(1 << 24)}
	host := httptest.NewUnstartedServer(w.server.Handler())
	host.Config.Protocols = new(http.Protocols)
	host.Config.Protocols.SetHTTP1(true)
	host.Config.Protocols.SetUnencryptedHTTP2(true)
	if file != "" {
		w.server.Serve(model.New(orttest.Open(t, file), 2, allowance.Allowance{}))
	}
	host.Start()
	w.url = host.URL
	t.Cleanup(func() {
		w.client.Close()
		host.CloseClientConnections()
		host.Close()
	})
	return w
}

func (w *world) endpoint(name string) openinference.Endpoint {
	return openinference.Endpoint{Server: w.url, Model: name}
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header, string(text)}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(orttest.Path(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDigitsAreWhatPythonSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "digits.onnx", settings())
	for _, path := range []string{
		"/v2/models/digits/infer", "/v2/models/acme/digits/infer", "/v2/models/acme%2Fdigits/infer", "/v2/models/acme/digits/versions/1.0.0/infer",
	} {
		got := w.do(http.MethodPost, path, read(t, "digits-request.json"))
		if got.status != http.StatusOK {
			t.Fatalf("%s is answered with %d %s", path, got.status, got.body)
		}
		sameAnswer(t, got.body, read(t, "digits-expected.json"))
	}
}

// sameAnswer compares the outputs' names, shapes, datatypes and, within 1e-5, numbers.
func sameAnswer(t *testing.T, got, want string) {
	t.Helper()
	type output struct {
		Name, Datatype string
		Shape          []int64
		Data           []float64
	}
	var g, w struct{ Outputs []output }
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if len(g.Outputs) != len(w.Outputs) {
		t.Fatalf("%d outputs, want %d", len(g.Outputs), len(w.Outputs))
	}
	for i, o := range w.Outputs {
		if g.Outputs[i].Name != o.Name || g.Outputs[i].Datatype != o.Datatype || len(g.Outputs[i].Data) != len(o.Data) {
			t.Fatalf("output is %+v, want %+v", g.Outputs[i], o)
		}
		for j, v := range o.Data {
			if math.Abs(g.Outputs[i].Data[j]-v) > 1e-5 {
				t.Errorf("%s[%d] is %g, want %g", o.Name, j, g.Outputs[i].Data[j], v)
			}
		}
	}
}

func TestDescribesServerAndModel(t *testing.T) {
	t.Parallel()
	config := settings()
	config.ModelVersion = "1.0.0"
	w := newWorld(t, "digits.onnx", config)
	tests := map[string]string{
		"/v2":                                   `{"name":"maas-onnx","version":"1","extensions":["binary_tensor_data"]}`,
		"/v2/health/live":                       `{"live":true}`,
		"/v2/health/ready":                      `{"ready":true}`,
		"/v2/models/acme/digits/ready":          `{"name":"acme/digits","ready":true}`,
		"/v2/models/d/versions/1.0.0/ready":     `{"name":"d","ready":true}`,
		"/v2/models/acme%2Fdigits":              digitsMetadata,
		"/v2/models/acme/digits":                digitsMetadata,
		"/v2/models/acme/digits/versions/1.0.0": digitsMetadata,
	}
	for path, want := range tests {
		got := w.do(http.MethodGet, path, "")
		if got.status != http.StatusOK || strings.TrimSpace(got.body) != want {
			t.Errorf("%s is answered with %d %s", path, got.status, got.body)
		}
	}
}

const digitsMetadata = `{"name":"acme/digits","versions":["1.0.0"],"platform":"onnxruntime_onnx",` +
	`"inputs":[{"name":"input","datatype":"FP32","shape":[-1,64]}],` +
	`"outputs":[{"name":"label","datatype":"INT64","shape":[-1]},{"name":"probabilities","datatype":"FP32","shape":[-1,10]}]}`

func TestIsLiveButNotReadyBeforeTheModelIsLoaded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", settings())
	if got := w.do(http.MethodGet, "/v2/health/live", ""); got.status != http.StatusOK {
		t.Errorf("liveness is %d", got.status)
	}
	for _, path := range []string{"/v2/health/ready", "/v2/models/digits/ready", "/v2/models/digits"} {
		if got := w.do(http.MethodGet, path, ""); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
			t.Errorf("%s is answered with %d, Retry-After %q", path, got.status, got.header.Get("Retry-After"))
		}
	}
	if got := w.do(http.MethodPost, "/v2/models/digits/infer", "{}"); got.status != http.StatusServiceUnavailable {
		t.Errorf("inference is answered with %d", got.status)
	}
}

func TestTellsHowLongItIsReadyToWhoMayHaveWaited(t *testing.T) {
	t.Parallel()
	const longest = 500 * time.Millisecond
	config := settings()
	config.MaxTimeout = longest
	w := newWorld(t, "digits.onnx", config)
	ask := func() string {
		return w.do(http.MethodPost, "/v2/models/digits/infer", read(t, "digits-request.json")).header.Get("X-Ready-Ms")
	}

	if ms, err := strconv.Atoi(ask()); err != nil || ms >= int(longest.Milliseconds()) {
		t.Errorf("just started, it is %d ms old: %v", ms, err)
	}
	time.Sleep(longest)
	if age := ask(); age != "" {
		t.Errorf("after the longest wait it says that it is %s ms old", age)
	}
}

func TestAnswersForItsOwnModelAlone(t *testing.T) {
	t.Parallel()
	config := settings()
	config.ModelName, config.ModelVersion = "acme/digits", "1.0.0"
	w := newWorld(t, "digits.onnx", config)
	for path, want := range map[string]int{
		"/v2/models/acme/digits/infer":                http.StatusOK,
		"/v2/models/acme/digits/versions/1.0.0/infer": http.StatusOK,
		"/v2/models/acme/digits/versions/2.0.0/infer": http.StatusNotFound,
		"/v2/models/acme/other/infer":                 http.StatusNotFound,
		"/v2/models/acme/digits/explain":              http.StatusNotFound,
		"/v3/models":                                  http.StatusNotFound,
	} {
		if got := w.do(http.MethodPost, path, read(t, "digits-request.json")); got.status != want {
			t.Errorf("%s is answered with %d, want %d", path, got.status, want)
		}
	}
}

func TestNamesWhatIsWrongWithARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "digits.onnx", settings())
	input := func(name, datatype, shape string, count int) string {
		return `{"name":"` + name + `","datatype":"` + datatype + `","shape":` + shape + `,"data":[` + strings.TrimSuffix(strings.Repeat("1,", count), ",") + `]}`
	}
	good := input("input", "FP32", "[1,64]", 64)
	tests := []struct{ name, body, says string }{
		{"no body", ``, "malformed"},
		{"no inputs", `{}`, `tensor "input": data is missing: the model takes FP32 [-1,64]`},
		{"unknown input", `{"inputs":[` + input("x", "FP32", "[1,64]", 64) + `]}`, `tensor "x" is no input of the model, which takes "input" FP32 [-1,64]`},
		{"input twice", `{"inputs":[` + good + `,` + good + `]}`, `tensor "input" is given twice`},
		{"an input more", `{"inputs":[` + good + `,` + input("y", "FP32", "[1]", 1) + `]}`, `tensor "y" is no input`},
		{"datatype", `{"inputs":[` + input("input", "INT32", "[1,64]", 64) + `]}`, `tensor "input": datatype is INT32: the model takes FP32 [-1,64]`},
		{"shape", `{"inputs":[` + input("input", "FP32", "[1,63]", 63) + `]}`, `tensor "input": shape is [1,63]: the model takes FP32 [-1,64]`},
		{"rank", `{"inputs":[` + input("input", "FP32", "[64]", 64) + `]}`, `tensor "input": shape is [64]: the model takes FP32 [-1,64]`},
		{"too few elements", `{"inputs":[` + input("input", "FP32", "[1,64]", 63) + `]}`, `tensor "input": data has too few elements: [1,64] takes 64`},
		{"unknown output", `{"inputs":[` + good + `],"outputs":[{"name":"z"}]}`, `tensor "z" is no output of the model, which gives "label"`},
		{"output twice", `{"inputs":[` + good + `],"outputs":[{"name":"label"},{"name":"label"}]}`, `"label" is asked for twice`},
		{"classification", `{"inputs":[` + good + `],"outputs":[{"name":"label","parameters":{"classification":3}}]}`, `classification is not supported`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := w.do(http.MethodPost, "/v2/models/digits/infer", test.body)
			var problem struct {
				Error, Detail string
				Status        int
			}
			if err := json.Unmarshal([]byte(got.body), &problem); err != nil {
				t.Fatal(err)
			}
			if got.status != http.StatusBadRequest || problem.Status != got.status || problem.Detail != problem.Error {
				t.Errorf("the answer is %d %s", got.status, got.body)
			}
			if !strings.Contains(problem.Error, test.says) {
				t.Errorf("the error is %q, want one with %q", problem.Error, test.says)
			}
		})
	}
}

func TestRefusesHeadersThatItCannotFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "digits.onnx", settings())
	for _, header := range [][2]string{
		{openinference.HeaderLength, "100000"}, {openinference.HeaderLength, "0"}, {openinference.HeaderLength, "x"},
		{openinference.TimeoutHeader, "0"}, {openinference.TimeoutHeader, "soon"}, {"Content-Encoding", "gzip"},
	} {
		got := w.do(http.MethodPost, "/v2/models/digits/infer", "{}", header[0], header[1])
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, header[0]) {
			t.Errorf("%v is answered with %d %s", header, got.status, got.body)
		}
	}
}

func TestRefusesALongBody(t *testing.T) {
	t.Parallel()
	config := settings()
	config.MaxBody = 1000
	w := newWorld(t, "digits.onnx", config)
	if got := w.do(http.MethodPost, "/v2/models/digits/infer", strings.Repeat(" ", 1001)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("1,001 bytes are answered with %d %s", got.status, got.body)
	}
	chunked, err := http.Post(w.url+"/v2/models/digits/infer", "application/json", io.MultiReader(bytes.NewReader(make([]byte, 1001))))
	if err != nil {
		t.Fatal(err)
	}
	defer chunked.Body.Close()
	if chunked.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("1,001 bytes without a length are answered with %d", chunked.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestGivesUpOnABodyThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	const rest, rpc = "/v2/models/digits/infer", "/inference.GRPCInferenceService/ModelInfer"
	for name, test := range map[string]struct {
		path, content string
		http2         bool
		want          int
	}{
		"REST":                   {rest, "application/json", false, http.StatusGatewayTimeout},
		"REST over HTTP/2":       {rest, "application/json", true, http.StatusGatewayTimeout},
		"gRPC":                   {rpc, "application/grpc", true, http.StatusOK}, // the status is in the trailers
		"Connect's own protocol": {rpc, "application/json", false, http.StatusGatewayTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := settings()
			config.ReadTimeout = 50 * time.Millisecond
			w := newWorld(t, "digits.onnx", config)
			body, never := io.Pipe()
			defer never.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+test.path, body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", test.content)
			transport := &http.Transport{DisableKeepAlives: true, Protocols: new(http.Protocols)}
			transport.Protocols.SetHTTP1(!test.http2)
			transport.Protocols.SetUnencryptedHTTP2(test.http2)
			got, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if got.StatusCode != test.want {
				t.Errorf("the answer is %d", got.StatusCode)
			}
		})
	}
}
