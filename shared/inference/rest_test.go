package inference_test

import (
	"encoding/binary"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

func float32s(data []byte) (out []float32) {
	for ; len(data) >= 4; data = data[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return out
}

func appendFloat32(dst []byte, x float32) []byte {
	return binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
}

func TestACallIsAnsweredByTheModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	answer := w.ask(path, question).want(t, http.StatusOK)

	if y := answer.y(t); y != "[2 3]" {
		t.Errorf("y is %s", y)
	}
	if v := answer.Header.Get("X-Model-Version"); v != "1.0.0" {
		t.Errorf("the version is %q", v)
	}
	for _, name := range []string{"X-Cache", "X-Queue-Ms", "X-Cold-Start-Ms", "Server-Timing"} {
		if answer.Header.Get(name) == "" {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestBinaryTensorsPassThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	head := `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}],"parameters":{"binary_data_output":true}}`

	answer := w.ask(path, head+string(appendFloat32(nil, 41)), "Inference-Header-Content-Length", itoa(len(head))).want(t, http.StatusOK)

	if tail := answer.body[len(answer.body)-4:]; float32s(tail)[0] != 42 || answer.Header.Get("Inference-Header-Content-Length") == "" {
		t.Errorf("the answer is %q with %v", answer.body, answer.Header)
	}
}

func TestTheModelsRefusalIsTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	answer := w.ask(path, strings.Replace(question, `"x"`, `"z"`, 1)).want(t, http.StatusBadRequest)

	if !strings.Contains(string(answer.body), `"error":"This model has one input, x."`) {
		t.Errorf("the answer is %s", answer.body)
	}
}

func TestWhatIsWrongWithARequestIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "1000")
	long := `{"inputs":[` + strings.Repeat(" ", 2000) + `]}`
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		status     int
		says       string
	}{
		"unknown model":       {"/v2/models/acme/nobody/infer", question, nil, 404, "acme/nobody"},
		"other tenant":        {"/v2/models/rival/adder/infer", question, nil, 404, "rival/adder"},
		"unknown version":     {"/v2/models/acme/adder/versions/9.9.9/infer", question, nil, 404, "9.9.9"},
		"malformed model":     {"/v2/models/acme/ADDER/infer", question, nil, 400, "lowercase"},
		"malformed reference": {"/v2/models/acme/adder/versions/_/infer", question, nil, 400, "ref"},
		"no body":             {path, "", nil, 400, "no body"},
		"too long":            {path, long, nil, 413, "1000 bytes"},
		"timeout of zero":     {path, question, []string{"X-Request-Timeout", "0"}, 400, "X-Request-Timeout"},
		"timeout too long":    {path, question, []string{"X-Request-Timeout", "99999999"}, 400, "600000"},
		"header length":       {path, question, []string{"Inference-Header-Content-Length", "1000"}, 400, "Inference-Header-Content-Length"},
		"not gzip":            {path, question, []string{"Content-Encoding", "gzip"}, 400, "gzip"},
		"other compression":   {path, question, []string{"Content-Encoding", "br"}, 400, "br"},
		"no credential":       {path, question, []string{"Authorization", "Bearer nonsense"}, 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := w.ask(test.path, test.body, test.headers...).want(t, test.status)
			if !strings.Contains(string(answer.body), test.says) || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("the answer is %s", answer.body)
			}
		})
	}
}

func TestBodiesShareABoundedMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000")
	release := w.model.hold()
	var held sync.WaitGroup
	long := question + strings.Repeat(" ", 99_000)
	for range 2 { // a quarter of the memory
		held.Go(func() { _, _ = w.try(t.Context(), path, long) }) // ends when released
	}
	eventually(t, func() bool { return w.model.runs.Load() == 2 })

	answer := w.ask(path, long).want(t, http.StatusTooManyRequests)
	if says := "This credential holds its share of the 800,000 bytes of memory for bodies (MAAS_INFER_MEMORY)"; !strings.Contains(string(answer.body), says) {
		t.Errorf("the answer is %s", answer.body)
	}
	request := inferRequest("acme/adder", "")
	request.Id = strings.Repeat("x", 300)
	if _, err := w.invoke(t.Context(), "ModelInfer", request, &pb.ModelInferResponse{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("over gRPC the error is %v", err)
	}

	w.as("another")
	short := make(chan struct{})
	go func() { // another user of the tenant still has a share
		defer close(short)
		w.ask(path, question).want(t, http.StatusOK)
	}()
	eventually(t, func() bool { return w.model.runs.Load() == 3 })

	release()
	held.Wait()
	<-short
	w.ask(path, long).want(t, http.StatusOK)
}

func TestADeadlineEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.model.hold()()

	w.ask(path, question, "X-Request-Timeout", "2000").want(t, http.StatusGatewayTimeout) // so long that the call is at the model server by then

	eventually(t, func() bool { return w.model.ended.Load() == 1 })
	if timeout := *w.model.timeout.Load(); timeout == "" || len(timeout) > 4 {
		t.Errorf("the model server was given %q ms", timeout)
	}
}

func TestAClientThatGoesAwayEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.model.hold()()
	ctx, cancel := contextOf(t)
	go func() { // ends with the test's context
		eventually(t, func() bool { return w.model.runs.Load() == 1 })
		cancel()
	}()

	_, _ = w.try(ctx, path, question)

	eventually(t, func() bool { return w.model.ended.Load() == 1 })
}

func TestAServerThatBreaksOffIsABadGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.model.do(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })

	w.ask(path, question).want(t, http.StatusBadGateway)
}

func TestAServerThatCannotBeReachedIsUnavailableAndMissed(t *testing.T) {
	t.Parallel()
	for name, vanish := range map[string]func(*modelServer){
		"nobody listens": func(m *modelServer) { m.Close() },
		"Envoy knows no such server": func(m *modelServer) {
			m.do(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true })
		},
		"Traefik knows no such server": func(m *modelServer) {
			m.do(func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			address := w.model.URL
			vanish(w.model)

			if answer := w.ask(path, question).want(t, http.StatusServiceUnavailable); answer.Header.Get("Retry-After") == "" {
				t.Error("there is no Retry-After")
			}
			if missed, _ := w.Missed.Load().(string); missed != address {
				t.Errorf("the registry was told of %q, want %q", missed, address)
			}
		})
	}
}

func TestAModelThatItsServerDoesNotKnowIsNotMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, `{"error":"there is no model adder"}`, http.StatusNotFound)
		return true
	})

	w.ask(path, question).want(t, http.StatusNotFound)

	if missed := w.Missed.Load(); missed != nil {
		t.Errorf("the registry was told of %v", missed)
	}
}

func TestLongAnswersStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const size = 5 << 20
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write(make([]byte, size))
		return true
	})

	if answer := w.ask(path, question).want(t, http.StatusOK); len(answer.body) != size {
		t.Errorf("the answer has %d bytes", len(answer.body))
	}
}

func TestALongAnswerThatBreaksOffIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write(make([]byte, 2<<20))
		panic(http.ErrAbortHandler)
	})

	if answer, err := w.try(t.Context(), path, question); err == nil {
		t.Errorf("an answer of %d bytes looks whole", len(answer.body))
	}
}

// eventually waits until it is so.
func eventually(t testing.TB, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("it has not come to pass within 30 s")
			return
		}
	}
}
