package inference_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // registers it
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// deflate is gRPC's compressor of that name, which Go's library lacks.
type deflate struct{}

func (deflate) Name() string                                 { return "deflate" }
func (deflate) Compress(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }
func (deflate) Decompress(r io.Reader) (io.Reader, error)    { return zlib.NewReader(r) }
func init()                                                  { encoding.RegisterCompressor(deflate{}) } //nolint:gochecknoinits // as the library asks

func (w *world) dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(w.url[len("http://"):], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (w *world) infer(t testing.TB, in *pb.ModelInferRequest, options ...grpc.CallOption) (*pb.ModelInferResponse, error) {
	t.Helper()
	return w.inferIn(t.Context(), t, in, options...)
}

func (w *world) inferIn(
	ctx context.Context, t testing.TB, in *pb.ModelInferRequest, options ...grpc.CallOption,
) (*pb.ModelInferResponse, error) {
	t.Helper()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+w.token)
	out := &pb.ModelInferResponse{}
	return out, w.dial(t).Invoke(ctx, service+"ModelInfer", in, out, options...)
}

func TestCompressedMessagesAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"gzip", "deflate"} {
		out, err := w.infer(t, inferRequest("acme/adder", ""), grpc.UseCompressor(name))
		if err != nil || float32s(out.GetRawOutputContents()[0])[1] != 3 {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
}

func TestACompressedMessageTakesTheMemoryOfItsContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "1600000")
	bomb := inferRequest("acme/adder", "")
	bomb.Id = strings.Repeat("x", 1_000_000)
	for _, name := range []string{"gzip", "deflate"} {
		if _, err := w.infer(t, bomb, grpc.UseCompressor(name)); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("%s: a message that expands beyond the limit: %v", name, err)
		}
	}
	defer w.model.hold()()
	large := inferRequest("acme/adder", "")
	large.Inputs[0].Shape, large.RawInputContents = []int64{22_500}, [][]byte{make([]byte, 90_000)}
	ctx, cancel := contextOf(t)
	defer cancel()
	var held sync.WaitGroup
	for range 2 {
		held.Go(func() { _, _ = w.inferIn(ctx, t, large, grpc.UseCompressor("gzip")) }) // ends with ctx
	}
	eventually(t, func() bool { return w.model.runs.Load() == 2 })

	if _, err := w.infer(t, large, grpc.UseCompressor("gzip")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("three messages of more than a credential's share: %v", err)
	}

	cancel()
	held.Wait()
	eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="inference_memory"} 0`) })
}

func TestUnknownProceduresAreUnimplemented(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, procedure := range []string{service + "RepositoryIndex", "/inference.GRPCInferenceService/x", "/other.Service/Method"} {
		err := w.dial(t).Invoke(t.Context(), procedure, &pb.ServerLiveRequest{}, &pb.ServerLiveResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", procedure, err)
		}
	}
}

func TestHealthFollowsReadiness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := healthpb.NewHealthClient(w.dial(t))
	for _, name := range []string{"", "inference.GRPCInferenceService"} {
		eventually(t, func() bool {
			out, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
			return err == nil && out.GetStatus() == healthpb.HealthCheckResponse_SERVING
		})
	}
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "other.Service"}); status.Code(err) != codes.NotFound {
		t.Errorf("the health of an unknown service: %v", err)
	}
}

func TestReflectionDescribesWhatIsServedHereAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stream, err := reflectionpb.NewServerReflectionClient(w.dial(t)).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(in *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
		if err := stream.Send(in); err != nil {
			t.Fatal(err)
		}
		out, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	symbol := func(name string) *reflectionpb.ServerReflectionResponse {
		return ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name}})
	}

	var names []string
	list := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{ListServices: "*"}})
	for _, s := range list.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	if !slices.Contains(names, "inference.GRPCInferenceService") || !slices.Contains(names, "grpc.health.v1.Health") || slices.Contains(names, "maas.v1.IdentityService") {
		t.Errorf("the services are %v", names)
	}
	if len(symbol("inference.GRPCInferenceService").GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Error("the protocol's service is not described")
	}
	if symbol("maas.v1.IdentityService").GetErrorResponse() == nil {
		t.Error("a service that is not served here is described")
	}
}

func TestWhatIsWrongWithAFieldIsSaidOverGRPC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	short := inferRequest("acme/adder", "")
	short.RawInputContents = [][]byte{short.GetRawInputContents()[0][:5]}

	_, err := w.infer(t, short)

	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok && bad.GetFieldViolations()[0].GetField() == "x.data" {
			return
		}
	}
	t.Errorf("the error is %v with %v", err, status.Convert(err).Details())
}

func TestTwoTypedContentsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := inferRequest("acme/adder", "")
	in.RawInputContents = nil
	in.Inputs[0].Contents = &pb.InferTensorContents{Fp32Contents: []float32{1, 2}, Int64Contents: []int64{1}}
	if _, err := w.infer(t, in); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "int64_contents") {
		t.Errorf("the error is %v", err)
	}
}

// compressed returns a body in a coding.
func compressed(coding, body string) string {
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if coding == "deflate" {
		w = zlib.NewWriter(&out)
	}
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return out.String()
}

func TestCompressedBodiesAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000")
	for _, coding := range []string{"gzip", "deflate", "GZIP"} {
		answer := w.ask(path, compressed(strings.ToLower(coding), question), "Content-Encoding", coding).want(t, http.StatusOK)
		if answer.y(t) != "[2 3]" {
			t.Errorf("%s: %s", coding, answer.body)
		}
		bomb := compressed(strings.ToLower(coding), question+strings.Repeat(" ", 1_000_000))
		w.ask(path, bomb, "Content-Encoding", coding).want(t, http.StatusRequestEntityTooLarge)
		cut := compressed(strings.ToLower(coding), question)
		w.ask(path, cut[:len(cut)-6], "Content-Encoding", coding).want(t, http.StatusBadRequest)
	}
}

// TestMessagesOfOpenProceduresAreShort has them expand to a megabyte, without a credential.
func TestMessagesOfOpenProceduresAreShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bomb := compressed("gzip", strings.Repeat("\x00", 1<<20))
	w.ask("/grpc.health.v1.Health/Check", bomb, "Content-Type", "application/proto", "Content-Encoding", "gzip").want(t, http.StatusTooManyRequests)
}
