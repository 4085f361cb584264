package inference_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/shared/decoding"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/share"
)

// largeRows make a tensor x that is larger than decoding.Small.
const largeRows = decoding.Small

// takeSlot takes the one slot for large bodies.
func (w *world) takeSlot() (release func()) {
	w.t.Helper()
	work := w.decodes.Work(share.Holder{Tenant: "another"})
	if err := work.Begin(w.t.Context(), decoding.Small+1); err != nil {
		w.t.Fatal(err)
	}
	return work.End
}

// largeMessage returns a message of gRPC, larger than decoding.Small.
func largeMessage(t *testing.T) string {
	t.Helper()
	in := inferRequest("acme/adder", "")
	in.Inputs[0].Shape = []int64{largeRows}
	in.RawInputContents = [][]byte{make([]byte, 4*largeRows)}
	message, err := proto.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

// TestLargeBodiesWaitForASlot has them wait while small ones are answered.
func TestLargeBodiesWaitForASlot(t *testing.T) {
	t.Parallel()
	long := strings.Replace(question, `"FP32"`, strings.Repeat(" ", decoding.Small)+`"FP32"`, 1)
	procedure, proto := service+"ModelInfer", []string{"Content-Type", "application/proto"}
	typed := strings.Replace(long, `"inputs"`, `"model_name":"acme/adder","inputs"`, 1)
	typed = strings.Replace(typed, `"data":[1,2]`, `"contents":{"fp32_contents":[1,2]}`, 1)
	for name, test := range map[string]struct {
		path, body string
		headers    []string
	}{
		"compressed, over REST":       {path, compressed("gzip", long), []string{"Content-Encoding", "gzip", "Cache-Control", "no-store"}},
		"deterministic, over REST":    {path, long, nil},
		"compressed, over Connect":    {procedure, compressed("gzip", largeMessage(t)), append(proto, "Content-Encoding", "gzip")},
		"not compressed, by Connect":  {procedure, largeMessage(t), proto},
		"JSON of Connect, compressed": {procedure, compressed("gzip", typed), []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDeterministic(t, "MAAS_DECODES", "1")
			release := w.takeSlot()
			done := make(chan reply)
			go func() { // ends with the answer
				answer, err := w.try(t.Context(), test.path, test.body, test.headers...)
				if err != nil {
					t.Error(err)
				}
				done <- answer
			}()
			eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="decode_queue"} 1`) })

			w.ask(path, question, "Cache-Control", "no-store").want(t, http.StatusOK)

			if w.model.runs.Load() != 1 {
				t.Errorf("%d runs", w.model.runs.Load())
			}
			release()
			answer := <-done
			answer.want(t, http.StatusOK)
			w.takeSlot()() // it has been given back
		})
	}
}

// TestALargeAnswerOverGRPCWaitsForASlot has a small request answered with a large tensor.
func TestALargeAnswerOverGRPCWaitsForASlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_DECODES", "1")
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 16))
	w.model.do(func(to http.ResponseWriter, _ *http.Request) bool {
		to.Header().Set("Content-Type", "application/json")
		_, _ = to.Write([]byte(`{"model_name":"adder","outputs":[{"name":"y","datatype":"BYTES","shape":[1],"data":["` + strings.Repeat(zeros, largeRows/8) + `"]}]}`))
		return true
	})
	release := w.takeSlot()
	done := make(chan int)
	go func() { // ends with the answer
		out := &pb.ModelInferResponse{}
		if _, err := w.invoke(t.Context(), "ModelInfer", inferRequest("acme/adder", ""), out); err != nil {
			t.Error(err)
		}
		done <- len(bytes.Join(out.GetRawOutputContents(), nil))
	}()
	eventually(t, func() bool { return w.scrapes(`maas_share_used{pool="decode_queue"} 1`) })
	if runs := w.model.runs.Load(); runs != 1 {
		t.Errorf("%d runs", runs)
	}

	release()

	if size := <-done; size <= decoding.Small {
		t.Errorf("%d bytes were answered", size)
	}
	w.takeSlot()()
}

// TestAnAnswerThatNobodyReadsHoldsNoSlot asks for more than the buffers of a connection, and reads nothing of it.
func TestAnAnswerThatNobodyReadsHoldsNoSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "MAAS_DECODES", "1")
	const size = 16 << 20
	in := inferRequest("acme/adder", "")
	in.Inputs[0].Shape = []int64{size / 4}
	in.RawInputContents = [][]byte{make([]byte, size)}
	message, err := proto.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}

	conn := w.begin(service+"ModelInfer", len(message), message, "Content-Type: application/proto\r\n")

	first := make([]byte, 1)
	if _, err := conn.Read(first); err != nil { // the answer has begun
		t.Fatal(err)
	}
	w.takeSlot()()
}
