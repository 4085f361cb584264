package hostile

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
	"github.com/17882237881/MaaS/shared/share"
)

const (
	mib = 1 << 20
	// expanded is the content of each hostile call. MAAS_INFER_MAX_BODY allows 64 MiB.
	expanded = 62 * mib
	// inferMemory is the default of MAAS_INFER_MEMORY, of which one credential gets a quarter. Beside it a process holds kept answers, garbage that is not
	// collected yet, and buffers of connections.
	inferMemory, beyondMemory = 1024 * mib, 384 * mib
	// callsAtOnce come from one caller.
	callsAtOnce = 24
)

func compressed(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	to := gzip.NewWriter(&out)
	for _, part := range parts {
		_, err := to.Write(part)
		e2etest.Must(t, err)
	}
	e2etest.Must(t, to.Close())
	return out.Bytes()
}

// hostileCall is one hostile request.
type hostileCall struct {
	path, kind string
	header     map[string]string
	body       []byte
}

// floodCalls sends the request callsAtOnce times at once, twice each, and counts the answers by status.
func floodCalls(ctx context.Context, client *http.Client, site e2etest.Site, p hostileCall) *[600]atomic.Int64 {
	counts := &[600]atomic.Int64{}
	var all sync.WaitGroup
	for range callsAtOnce {
		all.Go(func() {
			for range 2 {
				request, err := http.NewRequestWithContext(ctx, http.MethodPost, site.URL+p.path, bytes.NewReader(p.body))
				if err != nil {
					return
				}
				request.Header.Set("Authorization", "Bearer "+site.Token)
				request.Header.Set("Content-Type", p.kind)
				request.Header.Set("Te", "trailers")
				for name, value := range p.header {
					request.Header.Set(name, value)
				}
				answer, err := client.Do(request)
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				counts[answer.StatusCode].Add(1)
			}
		})
	}
	all.Wait()
	return counts
}

// h2c returns a client of HTTP/2 without TLS, which gRPC needs.
func h2c(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols), MaxResponseHeaderBytes: mib}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestCompressedCallsStayWithinTheMemoryForBodies has one caller send calls of 62 MiB in 63 KB each, over each protocol.
func TestCompressedCallsStayWithinTheMemoryForBodies(t *testing.T) { //nolint:paralleltest // the attacks take turns
	innocent := inferring(t, the.Register(t))
	hostile := the.Register(t)
	path := hostile.Publish("large", "digits.onnx")
	site := hostile.Site()
	tensor := make([]byte, expanded)
	message, err := proto.Marshal(&pb.ModelInferRequest{
		ModelName: hostile.Of("large"), RawInputContents: [][]byte{tensor},
		Inputs: []*pb.ModelInferRequest_InferInputTensor{{Name: "input", Datatype: "FP32", Shape: []int64{expanded / 4 / 64, 64}}},
	})
	e2etest.Must(t, err)
	head := []byte(`{"inputs":[{"name":"input","datatype":"FP32","shape":[` + strconv.Itoa(expanded/4/64) + `,64],"parameters":{"binary_data_size":` + strconv.Itoa(expanded) + `}}]}`)
	small := compressed(t, message)
	envelope := append([]byte{1, 0, 0, 0, 0}, small...)
	binary.BigEndian.PutUint32(envelope[1:], uint32(len(small)))
	procedure := inferenceconnect.GRPCInferenceServiceModelInferProcedure
	for name, p := range map[string]hostileCall{
		"gRPC":    {path: procedure, kind: "application/grpc", header: map[string]string{"Grpc-Encoding": "gzip"}, body: envelope},
		"Connect": {path: procedure, kind: "application/proto", header: map[string]string{"Content-Encoding": "gzip"}, body: small},
		"REST": {path: path, kind: "application/octet-stream", body: compressed(t, head, tensor), header: map[string]string{
			"Content-Encoding": "gzip", openinference.HeaderLength: strconv.Itoa(len(head)), "Cache-Control": "no-store",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			client := h2c(t)
			withinMemory(t, &the, inferMemory/share.Lone+beyondMemory, func() {
				unharmed(t, innocent, func(ctx context.Context) {
					counts := floodCalls(ctx, client, site, p)
					for status := range counts {
						if n := counts[status].Load(); n > 0 {
							t.Logf("%d hostile calls were answered with %d", n, status)
						}
					}
				})
			})
		})
	}
}
