//go:build !cluster

package field

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/openinferencetest"
)

// TestGRPCClientsFindWhatTheyExpectOfAServer asks for what clients and tools of gRPC ask before and beside calls. What tritonclient sends, compressed too, is in
// the journeys.
func TestGRPCClientsFindWhatTheyExpectOfAServer(t *testing.T) {
	t.Parallel()
	conn, err := grpc.NewClient(strings.TrimPrefix(the.Server, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	e2etest.Must(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	e2etest.Eventually(t, "the gateway knows which credentials are revoked", 30*time.Second, func() bool {
		health, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		return err == nil && health.GetStatus() == healthpb.HealthCheckResponse_SERVING
	})
	if names, err := servicesOf(t.Context(), conn); err != nil || !strings.Contains(names, "inference.GRPCInferenceService") || strings.Contains(names, "IdentityService") {
		t.Errorf("the services are %s, %v", names, err)
	}
	err = conn.Invoke(t.Context(), "/inference.GRPCInferenceService/RepositoryIndex", &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
	if grpcstatus.Code(err) != codes.Unimplemented {
		t.Errorf("a procedure that does not exist: %v", err)
	}
}

func servicesOf(ctx context.Context, conn *grpc.ClientConn) (names string, err error) {
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return "", err
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}); err != nil {
		return "", err
	}
	answer, err := stream.Recv()
	if err != nil {
		return "", err
	}
	for _, s := range answer.GetListServicesResponse().GetService() {
		names += s.GetName() + " "
	}
	return names, nil
}

// TestCallsAreReadAsTheirClientsWriteThem has requests of a real model compressed, with null for what is left out, and with text that is none.
func TestCallsAreReadAsTheirClientsWriteThem(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	u.Maas("publish", u.Of("digits")+"@1.0.0").OK()
	s := e2etest.Visit(t, the.Server)
	question := string(e2etest.Content(t, "digits-request.json"))
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	_, err := io.WriteString(w, question)
	e2etest.Must(t, err)
	e2etest.Must(t, w.Close())
	call := functiontest.Request{Method: http.MethodPost, Path: "/v2/models/" + u.Of("digits") + "/infer", Token: u.Key("inference:execute")}
	asks := func(body, coding string, status int, says string) {
		t.Helper()
		in := call
		in.Body = body
		if coding != "" {
			in.Header = map[string]string{"Content-Encoding": coding}
		}
		answer := s.Must(in, status, nil)
		if status == http.StatusOK {
			openinferencetest.AssertClose(t, answer.Body, e2etest.Content(t, "digits-expected.json"))
		} else if !strings.Contains(string(answer.Body), says) {
			t.Errorf("the answer is %s, want %q in it", answer.Body, says)
		}
	}

	asks(small.String(), "gzip", http.StatusOK, "")
	asks(small.String()[:small.Len()-9], "gzip", http.StatusBadRequest, "not a whole gzip stream")
	asks(question, "br", http.StatusBadRequest, "gzip, deflate")
	asks(strings.Replace(question, `"inputs"`, `"parameters":null,"outputs":null,"inputs"`, 1), "", http.StatusOK, "")
	asks(strings.Replace(question, `"digits"`, `"\ud800"`, 1), "", http.StatusBadRequest, "surrogate pair")
	asks(`{"inputs":[{"name":"input","datatype":"BYTES","shape":[1],"data":["\ud83d"]}]}`, "", http.StatusBadRequest, "surrogate pair")
	asks(strings.Replace(question, "FP32", "BF16", 1), "", http.StatusBadRequest, "BF16 is not supported")
	asks(strings.Replace(question, `"inputs"`, `"outputs":[{"name":"label","parameters":{"classification":3}}],"inputs"`, 1), "", http.StatusBadRequest, "classification")
}

// TestTextThatIsNotUnicodeIsRefused has half of a surrogate pair in what a model is described by.
func TestTextThatIsNotUnicodeIsRefused(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := e2etest.Visit(t, the.Server)
	for body, field := range map[string]string{
		`{"name":"a","description":"\ud800"}`:               "description",
		`{"name":"a","metadata":{"note":"\udfff"}}`:         "metadata.note",
		`{"name":"a","tags":["ok","\ud800\ud800"]}`:         "tags[1]",
		"{\"name\":\"a\",\"description\":\"\xed\xa0\x80\"}": "description",
	} {
		answer := s.Must(functiontest.Request{
			Method: http.MethodPost, Path: "/v1/models", Token: u.Key("model:write"), Body: body,
		}, http.StatusBadRequest, nil)
		if !strings.Contains(string(answer.Body), `"field":"`+field+`"`) {
			t.Errorf("%q: the answer is %s", body, answer.Body)
		}
	}
}
