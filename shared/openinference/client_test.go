package openinference_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a model server whose only model, acme/echo, gives its inputs back; other names show how a server fails, "fails/timeout" with a kind.
type echo struct {
	inferenceconnect.UnimplementedGRPCInferenceServiceHandler
}

func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v2/models/acme/echo/infer":
		e.infer(w, r)
	case "/v2/models/acme/echo/versions/1.0.0":
		_, _ = io.WriteString(w, `{"name":"acme/echo","platform":"echo","inputs":[{"name":"x","datatype":"INT8","shape":[-1]}],"outputs":[]}`)
	case "/v2/models/acme/slow/infer":
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case "/v2/models/acme/nonsense/infer":
		_, _ = io.WriteString(w, `{"outputs": 7}`)
	case "/v2/models/acme/chatty/infer":
		_, _ = w.Write(make([]byte, maxResponse+1))
	case "/v2/models/acme/moved/infer":
		http.Redirect(w, r, "/v2/models/acme/echo/infer", http.StatusTemporaryRedirect)
	default:
		if kind, ok := strings.CutPrefix(r.URL.Path, "/v2/models/fails/"); ok {
			w.WriteHeader(fault.Kind(strings.TrimSuffix(kind, "/infer")).Status())
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error": "no such model"}`)
	}
}

func (echo) infer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	header, _ := openinference.ParseHeaderLength(r.Header.Get(openinference.HeaderLength), len(body))
	in, err := openinference.DecodeRequest(body, header)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer, header, _ := openinference.AppendResponse(nil, &openinference.Response{Model: "acme/echo", ID: in.ID, Outputs: in.Inputs})
	if header > 0 {
		w.Header().Set(openinference.HeaderLength, strconv.Itoa(header))
	}
	_, _ = w.Write(answer)
}

func (echo) ModelInfer(ctx context.Context, r *connect.Request[pb.ModelInferRequest]) (*connect.Response[pb.ModelInferResponse], error) {
	switch r.Msg.GetModelName() {
	case "acme/echo":
		in, err := openinference.RequestFromProto(r.Msg)
		if err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err)
		}
		return connect.NewResponse((&openinference.Response{Model: "acme/echo", Outputs: in.Inputs}).Proto()), nil
	case "acme/slow":
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		if kind, ok := strings.CutPrefix(r.Msg.GetModelName(), "fails/"); ok {
			return nil, connect.NewError(connect.Code(fault.Kind(kind).Code()), io.EOF)
		}
		return nil, connect.NewError(connect.CodeNotFound, io.EOF)
	}
}

const maxResponse = 1 << 16

func newEcho(t *testing.T) (server string, client *openinference.Client) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", echo{})
	mux.Handle(inferenceconnect.NewGRPCInferenceServiceHandler(echo{}))
	host := httptest.NewUnstartedServer(mux)
	host.Config.Protocols = new(http.Protocols)
	host.Config.Protocols.SetHTTP1(true)
	host.Config.Protocols.SetUnencryptedHTTP2(true)
	host.Start()
	client = openinference.NewClient(maxResponse)
	t.Cleanup(func() {
		client.Close()
		host.CloseClientConnections()
		host.Close()
	})
	return host.URL, client
}

func request() *openinference.Request {
	return &openinference.Request{ID: "7", Inputs: []openinference.Tensor{
		{Name: "x", Datatype: openinference.Int8, Shape: []int64{2}, Data: []byte{1, 2}},
		{Name: "y", Datatype: openinference.FP64, Shape: []int64{1}, Data: make([]byte, 8), Binary: true},
	}}
}

func TestClientInfersByBothProtocols(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	e := openinference.Endpoint{Server: server, Model: "acme/echo"}
	for name, call := range map[string]func(context.Context, openinference.Endpoint, *openinference.Request) (*openinference.Response, error){
		"REST": client.Infer, "gRPC": client.InferGRPC,
	} {
		out, err := call(t.Context(), e, request())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(out.Outputs) != 2 || string(out.Outputs[0].Data) != "\x01\x02" || len(out.Outputs[1].Data) != 8 {
			t.Errorf("%s gave %+v", name, out)
		}
	}
}

func TestClientNamesTheServersRefusal(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	_, err := client.Infer(t.Context(), openinference.Endpoint{Server: server, Model: "acme/none"}, request())
	faulttest.AssertKind(t, err, fault.NotFound)
	if got := fault.From(err).Message; got != "no such model" {
		t.Errorf("the message is %q", got)
	}
	_, err = client.InferGRPC(t.Context(), openinference.Endpoint{Server: server, Model: "acme/none"}, request())
	faulttest.AssertKind(t, err, fault.NotFound)
}

// TestARefusalMeansTheSameByBothProtocols has each kind as a model server that is ours answers it.
func TestARefusalMeansTheSameByBothProtocols(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	for kind, want := range map[fault.Kind]fault.Kind{
		fault.Invalid: fault.Invalid, fault.NotFound: fault.NotFound, fault.RateLimited: fault.RateLimited, fault.Conflict: fault.Conflict,
		fault.Unavailable: fault.Unavailable, fault.Timeout: fault.Timeout,
		fault.Internal: fault.Upstream, fault.Unauthenticated: fault.Upstream, fault.Forbidden: fault.Upstream,
	} {
		e := openinference.Endpoint{Server: server, Model: "fails/" + string(kind)}
		_, err := client.Infer(t.Context(), e, request())
		faulttest.AssertKind(t, err, want)
		_, err = client.InferGRPC(t.Context(), e, request())
		faulttest.AssertKind(t, err, want)
	}
}

func TestClientTellsWhoseFaultAFailureIs(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	tests := []struct {
		name, server, model string
		kind                fault.Kind
	}{
		{"a malformed answer", server, "acme/nonsense", fault.Upstream},
		{"a long answer", server, "acme/chatty", fault.Upstream},
		{"a redirect", server, "acme/moved", fault.Upstream},
		{"nobody there", "http://127.0.0.1:1", "acme/echo", fault.Unavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Infer(t.Context(), openinference.Endpoint{Server: test.server, Model: test.model}, request())
			faulttest.AssertKind(t, err, test.kind)
		})
	}
}

func TestClientStopsAtTheDeadline(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	e := openinference.Endpoint{Server: server, Model: "acme/slow"}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.Infer(ctx, e, request())
	faulttest.AssertKind(t, err, fault.Timeout)
	_, err = client.InferGRPC(ctx, e, request())
	faulttest.AssertKind(t, err, fault.Timeout)
}

func TestClientStopsWhenTheCallerGoesAway(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := client.Infer(ctx, openinference.Endpoint{Server: server, Model: "acme/slow"}, request())
	faulttest.AssertKind(t, err, fault.Canceled)
}

func TestClientReadsMetadata(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	m, err := client.Metadata(t.Context(), openinference.Endpoint{Server: server, Model: "acme/echo", Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	if !m.Inputs[0].Fits([]int64{9}) || m.Inputs[0].Fits([]int64{9, 1}) {
		t.Errorf("the input is %+v", m.Inputs[0])
	}
}

func TestClientForwardsBytesAsTheyAre(t *testing.T) {
	t.Parallel()
	server, client := newEcho(t)
	answer, err := client.Forward(t.Context(), openinference.Endpoint{Server: server, Model: "acme/none"}, [][]byte{[]byte("any"), []byte("thing")}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusNotFound || string(body) != `{"error": "no such model"}` {
		t.Errorf("answer is %d %s", answer.StatusCode, body)
	}
}
