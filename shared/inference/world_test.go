package inference_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/inference"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
	"github.com/17882237881/MaaS/shared/resolvertest"
	"github.com/17882237881/MaaS/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a gateway between a registry and a model server that adds one to each element of x.
type world struct {
	*resolvertest.Server

	url     string
	handler http.Handler
	metrics http.Handler
	decodes *decoding.Slots
	token   string
	model   *modelServer
	t       testing.TB
}

// newWorld makes a world in which acme/adder@1.0.0 is ready.
func newWorld(t testing.TB, vars ...string) *world {
	t.Helper()
	w := &world{Server: resolvertest.New(t), model: newModelServer(t), t: t}
	w.Ready("adder", "1.0.0", w.model.URL)
	w.token = w.TokenOf(w.Owner())
	w.url = w.gateway(vars...)
	return w
}

// gateway starts a gateway with more variables, in pairs, and returns its address.
func (w *world) gateway(vars ...string) string {
	w.t.Helper()
	more := map[string]string{}
	for i := 0; i < len(vars); i += 2 {
		more[vars[i]] = vars[i+1]
	}
	e := w.Env("infer", more)
	if more["REDIS_URL"] != "" {
		store, err := cache.Open(e)
		if err != nil {
			w.t.Fatal(err)
		}
		eventually(w.t, func() bool { return store.Stats(w.t.Context()).Redis == "connected" })
	}
	known, err := resolver.Open(e)
	if err != nil {
		w.t.Fatal(err)
	}
	gateway, err := inference.Open(e, known)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.decodes, err = decoding.Open(e); err != nil {
		w.t.Fatal(err)
	}
	mux, err := httpapi.NewMux(e, known)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, model := range []string{"/v2/models/{t}/{m}", "/v2/models/{t}/{m}/versions/{ref}"} {
		httpapi.Stream(mux, "POST "+model+"/infer", gateway.Infer)
		httpapi.Stream(mux, "GET "+model, gateway.Model)
		httpapi.Stream(mux, "GET "+model+"/ready", gateway.ModelReady)
	}
	httpapi.Stream(mux, "GET /v2/health/ready", gateway.Ready)
	prefix, service := gateway.GRPC(connect.WithInterceptors(httpapi.ConnectErrors()))
	httpapi.Mount(mux, prefix, service)
	prefix, service = gateway.Health()
	httpapi.Mount(mux, prefix, service)
	for prefix, service := range inference.Reflection() {
		httpapi.Mount(mux, prefix, service)
	}
	w.handler = mux
	tel, err := telemetry.Open(e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.metrics = tel.Handler()
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	w.t.Cleanup(func() {
		server.Close()
		_ = e.Close(context.Background())
	})
	return server.URL
}

// reply is what the gateway answered.
type reply struct {
	*http.Response

	body []byte
}

// ask posts a request; the headers are in pairs.
func (w *world) ask(path, body string, headers ...string) reply {
	w.t.Helper()
	out, err := w.try(w.t.Context(), path, body, headers...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) try(ctx context.Context, path, body string, headers ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return reply{answer, text}, err
}

// want checks the reply's status.
func (r reply) want(t testing.TB, status int) reply {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", r.StatusCode, status, r.body)
	}
	return r
}

// y returns the elements of the answer's output.
func (r reply) y(t testing.TB) string {
	t.Helper()
	var out struct {
		Outputs []struct{ Data []float64 }
	}
	if err := json.Unmarshal(r.body, &out); err != nil || len(out.Outputs) != 1 {
		t.Fatalf("the answer is %s: %v", r.body, err)
	}
	return fmt.Sprint(out.Outputs[0].Data)
}

const path, question = "/v2/models/acme/adder/infer", `{"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,2]}]}`

// modelServer speaks the protocol over REST: y = x + 1.
type modelServer struct {
	*httptest.Server

	runs    atomic.Int64
	ended   atomic.Int64 // runs whose caller went away
	timeout atomic.Pointer[string]
	before  atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // reports whether it has answered
}

func newModelServer(t testing.TB) *modelServer {
	m := &modelServer{}
	m.Server = httptest.NewServer(http.HandlerFunc(m.infer))
	t.Cleanup(m.Close)
	return m
}

// do lets the test answer in the server's place, or wait.
func (m *modelServer) do(act func(http.ResponseWriter, *http.Request) bool) { m.before.Store(&act) }

// hold makes each run last until the test ends it, or its caller goes away.
func (m *modelServer) hold() (release func()) {
	held := make(chan struct{})
	m.do(func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-held:
			return false
		case <-r.Context().Done():
			m.ended.Add(1)
			return true
		}
	})
	return func() { close(held) }
}

func (m *modelServer) infer(w http.ResponseWriter, r *http.Request) {
	m.runs.Add(1)
	timeout := r.Header.Get(openinference.TimeoutHeader)
	m.timeout.Store(&timeout)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if act := m.before.Load(); act != nil && (*act)(w, r) {
		return
	}
	answer, header, err := add(body, r.Header.Get(openinference.HeaderLength))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
		return
	}
	if header > 0 {
		w.Header().Set(openinference.HeaderLength, itoa(header))
		w.Header().Set("Content-Type", "application/octet-stream")
	} else {
		w.Header().Set("Content-Type", "application/json")
	}
	_, _ = w.Write(answer)
}

func add(body []byte, length string) ([]byte, int, error) {
	header, err := openinference.ParseHeaderLength(length, len(body))
	if err != nil {
		return nil, 0, err
	}
	in, err := openinference.DecodeRequest(body, header)
	if err != nil {
		return nil, 0, err
	}
	if len(in.Inputs) != 1 || in.Inputs[0].Name != "x" {
		return nil, 0, errors.New("this model has one input, x")
	}
	y := openinference.Tensor{Name: "y", Datatype: in.Inputs[0].Datatype, Shape: in.Inputs[0].Shape, Binary: in.WantsBinary("y")}
	for _, x := range float32s(in.Inputs[0].Data) {
		y.Data = appendFloat32(y.Data, x+1)
	}
	return openinference.AppendResponse(nil, &openinference.Response{Model: "adder", ID: in.ID, Outputs: []openinference.Tensor{y}})
}

func itoa(n int) string { return strconv.Itoa(n) }

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// as has another user of the tenant ask from now on.
func (w *world) as(name string) {
	who := w.Owner()
	who.User = uuid.NewSHA1(uuid.Nil, []byte(name))
	w.token = w.TokenOf(who)
}

// scrapes reports whether the metrics have the line.
func (w *world) scrapes(line string) bool {
	scrape := httptest.NewRecorder()
	w.metrics.ServeHTTP(scrape, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/metrics", http.NoBody))
	return strings.Contains(scrape.Body.String(), line+"\n")
}
