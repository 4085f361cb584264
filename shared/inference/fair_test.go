package inference_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// stall sends a request's header and the first byte of its body, and returns the connection.
func (w *world) stall(path string, length int, headers ...string) net.Conn {
	w.t.Helper()
	return w.begin(path, length, []byte("x"), headers...)
}

// begin sends a request's header and the begin of its body, and returns the connection.
func (w *world) begin(path string, length int, body []byte, headers ...string) net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n%s\r\n%s", path, w.token, length, strings.Join(headers, ""), body)
	return conn
}

// status reads the status of the answer on a connection.
func statusOf(t *testing.T, conn net.Conn) int {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func TestAModelThatDoesNotExistIsSaidBeforeTheBodyComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := statusOf(t, w.stall("/v2/models/acme/nobody/infer", 50<<20)); got != http.StatusNotFound {
		t.Errorf("the status is %d", got)
	}
}

// TestOverGRPCTheModelIsFoundBeforeTheMessageHasCome sends a kilobyte of a message of a megabyte.
func TestOverGRPCTheModelIsFoundBeforeTheMessageHasCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, err := proto.Marshal(&pb.ModelInferRequest{ModelName: "acme/nobody", RawInputContents: [][]byte{make([]byte, 1<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	conn := w.begin(service+"ModelInfer", len(message), message[:2000], "Content-Type: application/proto\r\n")
	if got := statusOf(t, conn); got != http.StatusNotFound {
		t.Errorf("the status is %d", got)
	}
}

func TestStalledBodiesLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000")
	for range 2 {
		w.stall(path, 100_000)
	}
	eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="inference_memory"} 200000`) })
	w.ask(path, strings.Repeat(" ", 50_000)+question).want(t, http.StatusTooManyRequests)

	w.as("another")
	w.ask(path, strings.Repeat(" ", 50_000)+question).want(t, http.StatusOK)
}

func TestABodyThatStopsEndsAtTheLeastRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_BODY_RATE_WINDOW", "1s")
	for path, header := range map[string]string{path: "", service + "ModelInfer": "Content-Type: application/proto\r\n"} {
		if got := statusOf(t, w.stall(path, 50_000, header)); got != http.StatusGatewayTimeout {
			t.Errorf("%s: the status is %d", path, got)
		}
	}
}

// longAnswer is more bytes than the kernels' buffers hold.
const longAnswer = 24 << 20

// answersAtLength has the model answer with longAnswer bytes for as long as the result is true.
func (w *world) answersAtLength() *atomic.Bool {
	long := &atomic.Bool{}
	long.Store(true)
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		if !long.Load() {
			return false
		}
		_, _ = io.Copy(w, bytes.NewReader(make([]byte, longAnswer)))
		return true
	})
	return long
}

// TestASlotIsFreeOnceTheModelHasAnswered has clients that do not read answers of megabytes.
func TestASlotIsFreeOnceTheModelHasAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1", "MAAS_INFER_QUEUE", "8")
	long := w.answersAtLength()
	var silent []net.Conn
	for n := range 3 {
		conn := w.stall(path, 1) // its body is whole
		silent = append(silent, conn)
		eventually(t, func() bool { return w.model.runs.Load() == int64(n+1) })
	}
	long.Store(false)

	w.ask(path, question).want(t, http.StatusOK)

	for _, conn := range silent { // whoever begins to read in time gets all
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		if err != nil || n != longAnswer {
			t.Errorf("%d bytes of the answer came: %v", n, err)
		}
	}
}

// TestAnAnswerBeyondTheShareHoldsItsSlotAsLongAsItsReaderReads has a client that does not read: the least rate ends its
// call, and frees the slot.
func TestAnAnswerBeyondTheShareHoldsItsSlotAsLongAsItsReaderReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1", "MAAS_INFER_QUEUE", "8", "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000",
		"MAAS_ANSWER_RATE_WINDOW", "1s")
	long := w.answersAtLength()
	began := time.Now()
	w.stall(path, 1)
	eventually(t, func() bool { return w.model.runs.Load() == 1 })
	long.Store(false)

	w.ask(path, question).want(t, http.StatusOK)

	if waited := time.Since(began); waited < 800*time.Millisecond {
		t.Errorf("the slot was free after %s, though the answer is longer than the memory", waited)
	}
}

// TestAnUnreadAnswerBeyondTheShareLeavesItsSlotToWhoWaits has clients that the least rate would bear for half a minute.
func TestAnUnreadAnswerBeyondTheShareLeavesItsSlotToWhoWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "2", "MAAS_INFER_QUEUE", "8", "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000",
		"MAAS_INFER_UNREAD", "200ms")
	long := w.answersAtLength()
	silent := []net.Conn{w.stall(path, 1), w.stall(path, 1)}
	eventually(t, func() bool { return w.model.runs.Load() == 2 })
	long.Store(false)
	time.Sleep(400 * time.Millisecond) // while nobody waits they may keep their slots
	if w.scrapes(`maas_share_used{pool="inference_queue"} 1`) {
		t.Fatal("somebody waits")
	}

	own := make(chan struct{})
	token := w.token
	go func() { // ends when it has its answer
		defer close(own)
		answer, err := w.try(t.Context(), path, question, "Authorization", "Bearer "+token)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%v %v", answer, err)
		}
	}()
	eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="inference_queue"} 1`) })
	time.Sleep(500 * time.Millisecond) // nobody else waits
	if !w.scrapes(`maas_share_used{pool="inference_queue"} 1`) {
		t.Fatal("a user's own call ended the answers of that user")
	}
	w.as("another")
	w.ask(path, question).want(t, http.StatusOK)

	cut := 0
	for _, conn := range silent {
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			cut++
		}
	}
	if cut == 0 {
		t.Error("both answers came whole, though one had to make room")
	}
	<-own
}

// TestSlotsGoToTheCredentialThatHoldsFewest has a crowd of one user wait before another comes.
func TestSlotsGoToTheCredentialThatHoldsFewest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_CONCURRENCY", "1", "MAAS_INFER_QUEUE", "100")
	release := make(chan struct{})
	w.model.do(func(http.ResponseWriter, *http.Request) bool {
		<-release
		return false
	})
	var crowd sync.WaitGroup
	var answered atomic.Int64
	token := w.token
	for range 10 {
		crowd.Go(func() {
			answer, err := w.try(t.Context(), path, question, "Authorization", "Bearer "+token)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Errorf("%v %v", answer, err)
			}
			answered.Add(1)
		})
	}
	eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="inference_queue"} 9`) })
	w.as("another")
	var before atomic.Int64
	crowd.Go(func() {
		w.ask(path, question).want(t, http.StatusOK)
		before.Store(answered.Add(1) - 1)
	})
	eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="inference_queue"} 10`) })
	for n := range int64(11) {
		release <- struct{}{}
		eventually(t, func() bool { return answered.Load() == n+1 })
	}
	crowd.Wait()
	if n := before.Load(); n > 2 {
		t.Errorf("%d calls of the crowd were answered before the other's one", n)
	}
}

func TestAMessageThatGrowsWhenItIsDecodedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_INFER_MAX_BODY", "100000", "MAAS_INFER_MEMORY", "800000")
	many := inferRequest("acme/adder", "")
	for range 20_000 {
		many.Inputs = append(many.Inputs, &pb.ModelInferRequest_InferInputTensor{})
	}
	if _, err := w.invoke(t.Context(), "ModelInfer", many, &pb.ModelInferResponse{}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the error is %v", err)
	}
}
