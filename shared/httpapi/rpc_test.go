package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/authtest"
	"github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

// service remembers who called it and until when they wait.
type service struct {
	inferenceconnect.UnimplementedGRPCInferenceServiceHandler

	seen     auth.Principal
	deadline time.Time
}

func (*service) ServerLive(context.Context, *connect.Request[inference.ServerLiveRequest]) (*connect.Response[inference.ServerLiveResponse], error) {
	return nil, fault.New(fault.Gone, "It is retired.", fault.Cause(errors.New("secret")))
}

func (s *service) ModelReady(ctx context.Context, _ *connect.Request[inference.ModelReadyRequest]) (*connect.Response[inference.ModelReadyResponse], error) {
	s.seen = auth.PrincipalFrom(ctx)
	s.deadline, _ = ctx.Deadline()
	return connect.NewResponse(&inference.ModelReadyResponse{Ready: true}), nil
}

// newService serves it over cleartext HTTP/2, as native gRPC comes.
func newService(t *testing.T) (*testAPI, *service, inferenceconnect.GRPCInferenceServiceClient) {
	t.Helper()
	a, s := newAPI(t), &service{}
	prefix, handler := inferenceconnect.NewGRPCInferenceServiceHandler(s, connect.WithInterceptors(ConnectErrors()))
	Mount(a.Mux, prefix, handler)
	return a, s, serviceBehind(serveHTTP2(t, a.Mux))
}

// serveHTTP2 serves a handler over cleartext HTTP/2, and returns its address and a transport to it.
func serveHTTP2(t *testing.T, handler http.Handler) (address string, transport *http.Transport) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	transport = &http.Transport{Protocols: server.Config.Protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return server.URL, transport
}

func serviceBehind(address string, transport *http.Transport) inferenceconnect.GRPCInferenceServiceClient {
	return inferenceconnect.NewGRPCInferenceServiceClient(&http.Client{Transport: transport}, address, connect.WithGRPC())
}

func assertCode(t *testing.T, err error, code connect.Code, message string) *connect.Error {
	t.Helper()
	var e *connect.Error
	if !errors.As(err, &e) || e.Code() != code || e.Message() != message {
		t.Fatalf("error is %v, want %s: %s", err, code, message)
	}
	return e
}

func TestAProcedureKnowsItsCallerAndItsDeadline(t *testing.T) {
	t.Parallel()
	a, s, client := newService(t)
	request := connect.NewRequest(&inference.ModelReadyRequest{})
	request.Header().Set("Authorization", "Bearer "+a.token)

	if _, err := client.ModelReady(t.Context(), request); err != nil {
		t.Fatal(err)
	}

	if left := time.Until(s.deadline); s.seen.TenantName != "acme" || left <= 0 || left > a.timeout {
		t.Errorf("the caller is %+v, the deadline in %s", s.seen, left)
	}
}

func TestAProcedureFailsInItsOwnProtocol(t *testing.T) {
	t.Parallel()
	_, _, client := newService(t)
	_, err := client.ModelReady(t.Context(), connect.NewRequest(&inference.ModelReadyRequest{}))
	assertCode(t, err, connect.CodeUnauthenticated, "This needs a credential: Authorization: Bearer, with an access token or an API key.")

	_, err = client.ServerLive(t.Context(), connect.NewRequest(&inference.ServerLiveRequest{}))
	if e := assertCode(t, err, connect.CodeNotFound, "It is retired."); e.Meta().Get("X-Maas-Kind") != "gone" {
		t.Errorf("metadata are %v", e.Meta())
	}
}

func TestAProcedureThatIsNotThereIsUnimplemented(t *testing.T) {
	t.Parallel()
	_, _, client := newService(t)
	_, err := client.ModelMetadata(t.Context(), connect.NewRequest(&inference.ModelMetadataRequest{}))
	assertCode(t, err, connect.CodeUnimplemented, "There is no procedure /inference.GRPCInferenceService/ModelMetadata at this address.")
}

// TestAnErrorOfGRPCPassesProxies has two proxies before the server, which speak HTTP/1.1 to each other, as the Gateway of a cluster does with its ingress.
func TestAnErrorOfGRPCPassesProxies(t *testing.T) {
	t.Parallel()
	inner := httptest.NewServer(proxyTo(t)(serveHTTP2(t, newAPI(t).Mux)))
	t.Cleanup(inner.Close)
	address, transport := serveHTTP2(t, proxyTo(t)(inner.URL, &http.Transport{}))
	client := serviceBehind(address, transport)

	_, err := client.ModelMetadata(t.Context(), connect.NewRequest(&inference.ModelMetadataRequest{}))

	assertCode(t, err, connect.CodeUnimplemented, "There is no procedure /inference.GRPCInferenceService/ModelMetadata at this address.")
}

// TestAnErrorOfGRPCWaitsForItsMessage has a message come after the header, as most do.
func TestAnErrorOfGRPCWaitsForItsMessage(t *testing.T) {
	t.Parallel()
	address, transport := serveHTTP2(t, newAPI(t).Mux)
	body, message := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/a.Service/Method", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	ended := make(chan struct{})
	go func() { // ends with the message
		defer close(ended)
		time.Sleep(50 * time.Millisecond)
		_, _ = message.Write(make([]byte, 5))
		_ = message.Close()
	}()

	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err != nil || answer.Trailer.Get("Grpc-Status") != "12" {
		t.Errorf("the trailers are %v: %v", answer.Trailer, err)
	}
	select {
	case <-ended:
	default:
		t.Error("it was answered before its message had come")
	}
}

func proxyTo(t *testing.T) func(address string, by *http.Transport) http.Handler {
	t.Helper()
	return func(address string, by *http.Transport) http.Handler {
		to, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(by.CloseIdleConnections)
		return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: by}
	}
}

func TestTheGatewayCallsForTheTenantThatItNames(t *testing.T) {
	t.Parallel()
	a, s, client := newService(t)
	gateway, err := auth.OpenGateway(a.installation.Env("infer", nil))
	if err != nil {
		t.Fatal(err)
	}
	request := connect.NewRequest(&inference.ModelReadyRequest{})
	gateway.Sign(request.Header(), inferenceconnect.GRPCInferenceServiceModelReadyProcedure, authtest.Acme, "acme")

	if _, err := client.ModelReady(t.Context(), request); err != nil {
		t.Fatal(err)
	}

	if s.seen.Function != "infer" || s.seen.Tenant != authtest.Acme || s.seen.TenantName != "acme" {
		t.Errorf("the caller is %+v", s.seen)
	}
}

func TestOnlyTheGatewayCallsWhatIsForTheGateway(t *testing.T) {
	t.Parallel()
	a, _, client := newService(t)
	request := connect.NewRequest(&inference.ModelInferRequest{})
	request.Header().Set("Authorization", "Bearer "+a.token) // an owner's
	_, err := client.ModelInfer(t.Context(), request)
	assertCode(t, err, connect.CodePermissionDenied, "Only the inference gateway may call this.")
}

func TestAProcedureSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	for want, err := range map[time.Duration]error{
		defaultRetry:            fault.New(fault.Unavailable, "away"),
		7001 * time.Millisecond: fault.New(fault.RateLimited, "slow down", fault.RetryAfter(7001*time.Millisecond)),
		0:                       fault.New(fault.NotFound, "no"),
	} {
		out := ConnectError(err)
		header := ""
		if want > 0 {
			header = seconds(want)
		}
		if got := out.Meta().Get("Retry-After"); got != header {
			t.Errorf("%v: Retry-After is %q, want %q", err, got, header)
		}
		var told time.Duration
		for _, detail := range out.Details() {
			value, valueErr := detail.Value()
			if info, ok := value.(*errdetails.RetryInfo); ok && valueErr == nil {
				told = info.GetRetryDelay().AsDuration()
			}
		}
		if told != want {
			t.Errorf("%v: the detail says %s, want %s", err, told, want)
		}
	}
}
