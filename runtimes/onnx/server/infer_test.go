package server_test

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// everyType returns a request with all thirteen inputs of identity.onnx, two rows each.
func everyType() *openinference.Request {
	r := &openinference.Request{ID: "all"}
	for _, d := range openinference.Datatypes() {
		t := openinference.Tensor{Name: inputName(d), Datatype: d, Shape: []int64{2, 2}}
		for i := range byte(4) {
			t.Data = append(t.Data, element(d, i)...)
		}
		r.Inputs = append(r.Inputs, t)
	}
	return r
}

func inputName(d openinference.Datatype) string {
	names := map[openinference.Datatype]string{
		openinference.Bool: "in_bool", openinference.Bytes: "in_bytes", openinference.FP16: "in_fp16", openinference.FP32: "in_fp32",
		openinference.FP64: "in_fp64", openinference.Int8: "in_int8", openinference.Int16: "in_int16", openinference.Int32: "in_int32",
		openinference.Int64: "in_int64", openinference.Uint8: "in_uint8", openinference.Uint16: "in_uint16", openinference.Uint32: "in_uint32",
		openinference.Uint64: "in_uint64",
	}
	return names[d]
}

func element(d openinference.Datatype, i byte) []byte {
	switch d {
	case openinference.Bool:
		return []byte{i & 1}
	case openinference.Bytes:
		return openinference.AppendString(nil, "é\x00ab"[:i+2])
	default:
		return []byte{0x10 * i, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0xbc}[:d.Size()]
	}
}

func sameTensors(t *testing.T, in, out []openinference.Tensor) {
	t.Helper()
	if len(out) != len(in) {
		t.Fatalf("%d outputs of %d inputs", len(out), len(in))
	}
	for i := range in {
		if !bytes.Equal(out[i].Data, in[i].Data) || out[i].Datatype != in[i].Datatype || len(out[i].Shape) != 2 {
			t.Errorf("%s became % x", in[i].Datatype, out[i].Data)
		}
	}
}

func TestEveryTypePassesThroughJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "identity.onnx", settings())
	in := everyType()
	out, err := w.client.Infer(t.Context(), w.endpoint("acme/identity"), in)
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != "all" || out.Model != "acme/identity" {
		t.Errorf("id %q, model %q", out.ID, out.Model)
	}
	sameTensors(t, in.Inputs, out.Outputs)
}

func TestEveryTypePassesThroughBinaryData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "identity.onnx", settings())
	in := everyType()
	in.Parameters = openinference.Parameters{"binary_data_output": true}
	for i := range in.Inputs {
		in.Inputs[i].Binary = true
	}
	out, err := w.client.Infer(t.Context(), w.endpoint("acme/identity"), in)
	if err != nil {
		t.Fatal(err)
	}
	sameTensors(t, in.Inputs, out.Outputs)
	for _, o := range out.Outputs {
		if !o.Binary {
			t.Errorf("%s came as JSON", o.Name)
		}
	}
}

func TestEveryTypePassesThroughGRPC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "identity.onnx", settings())
	in := everyType()
	out, err := w.client.InferGRPC(t.Context(), w.endpoint("acme/identity"), in)
	if err != nil {
		t.Fatal(err)
	}
	sameTensors(t, in.Inputs, out.Outputs)
}

func TestGRPCAnswersTypedContentsWithTypedContents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "digits.onnx", settings())
	out, err := w.client.InferProto(t.Context(), w.url, &pb.ModelInferRequest{
		ModelName: "acme/digits",
		Inputs: []*pb.ModelInferRequest_InferInputTensor{{
			Name: "input", Datatype: "FP32", Shape: []int64{1, 64}, Contents: &pb.InferTensorContents{Fp32Contents: make([]float32, 64)},
		}},
		Outputs: []*pb.ModelInferRequest_InferRequestedOutputTensor{{Name: "probabilities"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.GetOutputs()) != 1 || len(out.GetOutputs()[0].GetContents().GetFp32Contents()) != 10 || len(out.GetRawOutputContents()) != 0 {
		t.Errorf("the answer is %v", out)
	}
}

func TestGRPCNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "digits.onnx", settings())
	_, err := w.client.InferGRPC(t.Context(), w.endpoint("acme/digits"), slow(1))
	faulttest.AssertKind(t, err, fault.Invalid)
	want := `tensor "steps" is no input of the model, which takes "input" FP32 [-1,64]`
	if got := fault.From(err).Message; got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
}

func TestOutputsComeInTheOrderAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "digits.onnx", settings())
	out, err := w.client.Infer(t.Context(), w.endpoint("digits"), &openinference.Request{
		Inputs:  []openinference.Tensor{{Name: "input", Datatype: openinference.FP32, Shape: []int64{0, 64}}},
		Outputs: []openinference.RequestedOutput{{Name: "probabilities"}, {Name: "label", Parameters: openinference.Parameters{"binary_data": true}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Outputs[0].Name != "probabilities" || out.Outputs[1].Name != "label" || !out.Outputs[1].Binary || out.Outputs[1].Shape[0] != 0 {
		t.Errorf("outputs are %+v", out.Outputs)
	}
}

// slow returns a request to slow.onnx; a thousand steps take about 0.8 s.
func slow(steps int64) *openinference.Request {
	return &openinference.Request{Inputs: []openinference.Tensor{
		{Name: "steps", Datatype: openinference.Int64, Shape: []int64{1}, Data: []byte{byte(steps), byte(steps >> 8), byte(steps >> 16), 0, 0, 0, 0, 0}},
		{Name: "start", Datatype: openinference.FP32, Shape: []int64{256, 256}, Data: make([]byte, 4<<16), Binary: true},
	}}
}

const (
	forMinutes = 1_000_000        // steps
	soon       = 20 * time.Second // where a run was ended, even if tests beside this one have all cores
)

func TestDeadlineEndsARun(t *testing.T) {
	t.Parallel()
	config := settings()
	config.MaxTimeout = 200 * time.Millisecond // the server's own: the client's would end the connection
	w := newWorld(t, "slow.onnx", config)
	for name, call := range map[string]func(context.Context, openinference.Endpoint, *openinference.Request) (*openinference.Response, error){
		"REST": w.client.Infer, "gRPC": w.client.InferGRPC,
	} {
		began := time.Now()
		_, err := call(t.Context(), w.endpoint("slow"), slow(forMinutes))
		if took := time.Since(began); !fault.Is(err, fault.Timeout) || took > soon {
			t.Errorf("%s ended with %v after %s", name, err, took)
		}
	}
}

func TestTimeoutHeaderEndsARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "slow.onnx", settings())
	body, _, err := openinference.AppendRequest(nil, jsonOnly(slow(forMinutes)))
	if err != nil {
		t.Fatal(err)
	}
	got := w.do(http.MethodPost, "/v2/models/slow/infer", string(body), openinference.TimeoutHeader, "100")
	if got.status != http.StatusGatewayTimeout {
		t.Errorf("the answer is %d %s", got.status, got.body)
	}
}

func jsonOnly(r *openinference.Request) *openinference.Request {
	for i := range r.Inputs {
		r.Inputs[i].Binary = false
	}
	return r
}

// TestRunsEndWhenTheirClientsGo shows it by the turns: two runs for minutes take all, and yet a third request is answered.
func TestRunsEndWhenTheirClientsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "slow.onnx", settings())
	ctx, leave := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer leave()
	var gone sync.WaitGroup
	gone.Go(func() { _, _ = w.client.Infer(ctx, w.endpoint("slow"), slow(forMinutes)) })
	gone.Go(func() { _, _ = w.client.InferGRPC(ctx, w.endpoint("slow"), slow(forMinutes)) })
	gone.Wait()
	began := time.Now()
	if _, err := w.client.Infer(t.Context(), w.endpoint("slow"), slow(1)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > soon {
		t.Errorf("the next request took %s", took)
	}
}

func TestTurnsRequestsAwayAboveItsBound(t *testing.T) {
	t.Parallel()
	config := settings()
	config.MaxRequests = 1
	w := newWorld(t, "slow.onnx", config)
	ctx, leave := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		for ctx.Err() == nil { // again where the request below came first
			_, _ = w.client.Infer(ctx, w.endpoint("slow"), slow(forMinutes))
		}
	})
	defer busy.Wait()
	defer leave()

	deadline := time.Now().Add(soon)
	for {
		got := w.do(http.MethodPost, "/v2/models/slow/infer", "{}")
		if got.status == http.StatusTooManyRequests {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the answer is %d %s", got.status, got.body)
		}
	}
	_, err := w.client.InferGRPC(t.Context(), w.endpoint("slow"), slow(1))
	faulttest.AssertKind(t, err, fault.Unavailable)
	if got := w.do(http.MethodGet, "/v2/health/ready", ""); got.status != http.StatusOK {
		t.Errorf("readiness is %d while requests are turned away", got.status)
	}
}
