package inference_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/shared/openinference"
)

// answers has the model answer with a tensor of so many bytes, of which it announces the length or not.
func (m *modelServer) answers(t *testing.T, size int, announced bool) {
	t.Helper()
	y := openinference.Tensor{Name: "y", Datatype: "UINT8", Shape: []int64{int64(size)}, Data: make([]byte, size), Binary: true}
	body, header, err := openinference.AppendResponse(nil, &openinference.Response{Model: "adder", Outputs: []openinference.Tensor{y}})
	if err != nil {
		t.Fatal(err)
	}
	m.do(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set(openinference.HeaderLength, itoa(header))
		if announced {
			w.Header().Set("Content-Length", itoa(len(body)))
		}
		_, _ = w.Write(body)
		return true
	})
}

var memoryUsed = regexp.MustCompile(`(?m)^maas_share_used\{pool="inference_memory"\} (\S+)$`)

// memory returns what is used of the memory for bodies.
func (w *world) memory() float64 {
	w.t.Helper()
	scrape := httptest.NewRecorder()
	w.metrics.ServeHTTP(scrape, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/metrics", http.NoBody))
	found := memoryUsed.FindStringSubmatch(scrape.Body.String())
	if found == nil {
		w.t.Fatal("there is no metric of the memory")
	}
	used, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return used
}

// TestAnAnswerOverGRPCIsChargedUntilItIsWritten has clients that read no more than the header at first: one reads the rest then, another goes away.
func TestAnAnswerOverGRPCIsChargedUntilItIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1")
	const size = 24 << 20 // more than the kernels' buffers
	w.model.answers(t, size, false)
	message, err := proto.Marshal(inferRequest("acme/adder", ""))
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(net.Conn, *http.Response){
		"it reads": func(_ net.Conn, answer *http.Response) {
			if n, err := io.Copy(io.Discard, answer.Body); err != nil || n < size {
				t.Errorf("%d bytes came: %v", n, err)
			}
		},
		"it goes": func(conn net.Conn, _ *http.Response) { _ = conn.Close() },
	} {
		conn := w.begin(service+"ModelInfer", len(message), message, "Content-Type: application/proto\r\n")
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v %v", name, answer, err)
		}
		time.Sleep(100 * time.Millisecond) // no sooner than the answer is written it is charged to nobody
		if used := w.memory(); used < 2*size {
			t.Errorf("%s: %.0f bytes are charged while an answer of %d, and its copy, are not read", name, used, size)
		}
		end(conn, answer)
		_ = answer.Body.Close()
		eventually(t, func() bool { return w.memory() == 0 })
	}
}

// TestALongRequestAndALongAnswerFitOverGRPC has the least memory that may be set, and answers that are and are not read before they are passed on.
func TestALongRequestAndALongAnswerFitOverGRPC(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1 << 20, 3 << 20} {
		w := newWorld(t, "MAAS_INFER_MAX_BODY", itoa(most), "MAAS_INFER_MEMORY", itoa(8*most))
		size := most - 40_000
		w.model.answers(t, size, true)
		in := inferRequest("acme/adder", "")
		in.Inputs[0].Shape, in.RawInputContents = []int64{int64(size / 4)}, [][]byte{make([]byte, size/4*4)}
		if _, err := w.infer(t, in); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		eventually(t, func() bool { return w.memory() == 0 })
	}
}

// TestAnAnswerThatNeverFitsOverGRPCIsSaidToBeTooLarge asks an idle gateway: to come again later would not help.
func TestAnAnswerThatNeverFitsOverGRPCIsSaidToBeTooLarge(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	w := newWorld(t, "MAAS_INFER_MAX_BODY", itoa(most), "MAAS_INFER_MEMORY", itoa(8*most))
	w.model.answers(t, most-4000, false)
	in := inferRequest("acme/adder", "")
	in.Inputs[0].Shape, in.RawInputContents = []int64{most/4 - 2000}, [][]byte{make([]byte, most-8000)}

	_, err := w.infer(t, in)

	for _, says := range []string{"too large for gRPC", "over REST", "at most 2,097,152 of the 8,388,608 (MAAS_INFER_MEMORY)"} {
		if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), says) {
			t.Errorf("the error is %v, and does not say %q", err, says)
		}
	}
	w.ask(path, question).want(t, http.StatusOK)
}

// TestARequestThatNeverFitsIsTooLarge has a message of as many empty tensors as take more memory than one credential gets.
func TestARequestThatNeverFitsIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000")
	body := `{"modelName":"acme/adder","inputs":[` + strings.Repeat("{},", 20_000) + "{}]}"
	answer := w.ask(service+"ModelInfer", body, "Content-Type", "application/json").want(t, http.StatusTooManyRequests) // Connect's resource_exhausted
	if !strings.Contains(string(answer.body), "gets at most 200,000 of the 800,000 (MAAS_INFER_MEMORY)") || answer.Header.Get("Retry-After") != "" {
		t.Errorf("the answer is %s with %v", answer.body, answer.Header)
	}
}
