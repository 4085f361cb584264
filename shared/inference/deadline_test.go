package inference_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// connectPath and message are path and question over Connect.
const (
	connectPath = "/inference.GRPCInferenceService/ModelInfer"
	message     = `{"modelName":"acme/adder","inputs":[{"name":"x","datatype":"FP32","shape":["2"],"contents":{"fp32Contents":[1,2]}}]}`
)

// worlds has a world's constructor for each kind of version.
var worlds = map[string]func(t testing.TB, vars ...string) *world{"any version": newWorld, "deterministic version": newDeterministic}

// occupy sends a call that ends with the test, and returns when it is at the model server.
func (w *world) occupy(t *testing.T, path, body string) {
	t.Helper()
	runs, ended := w.model.runs.Load(), make(chan struct{})
	ctx, cancel := contextOf(t)
	go func() { // ends with the test
		defer close(ended)
		_, _ = w.try(ctx, path, body, "Content-Type", "application/json")
	}()
	t.Cleanup(func() { cancel(); <-ended })
	eventually(t, func() bool { return w.model.runs.Load() == runs+1 })
}

// refuses makes the question over each protocol, with a deadline that passes, and checks the status that each is answered with.
func (w *world) refuses(t *testing.T, httpStatus int, code codes.Code) {
	t.Helper()
	again, deadline := httpStatus == http.StatusTooManyRequests, "500" // milliseconds
	if again {
		deadline = "2000" // in which a call surely comes to the queue
	}
	for protocol, answer := range map[string]reply{
		"REST":    w.ask(path, question, "X-Request-Timeout", deadline),
		"Connect": w.ask(connectPath, message, "X-Request-Timeout", deadline, "Content-Type", "application/json"),
	} {
		if retry := answer.Header.Get("Retry-After"); answer.StatusCode != httpStatus || (retry == "1") != again {
			t.Errorf("%s: status %d, Retry-After %q: %s", protocol, answer.StatusCode, retry, answer.body)
		}
		if again && !strings.Contains(string(answer.body), "MAAS_INFER_CONCURRENCY") {
			t.Errorf("%s: the answer does not name the limit: %s", protocol, answer.body)
		}
	}
	_, err := w.invoke(t.Context(), "ModelInfer", inferRequest("acme/adder", ""), &pb.ModelInferResponse{}, "x-request-timeout", deadline)
	if status.Code(err) != code || (retryOf(err) != nil) != again {
		t.Errorf("gRPC: %v with %v, want %s", err, status.Convert(err).Details(), code)
	}
}

// retryOf returns what the error says of when to try again, nil if nothing.
func retryOf(err error) *errdetails.RetryInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info
		}
	}
	return nil
}

func TestADeadlineThatPassesInTheQueueIsRateLimited(t *testing.T) {
	t.Parallel()
	for name, makeWorld := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := makeWorld(t, "MAAS_INFER_CONCURRENCY", "1")
			w.model.hold()
			w.occupy(t, path, strings.Replace(question, "[1,2]", "[3,4]", 1)) // of a deterministic version it is another run

			w.refuses(t, http.StatusTooManyRequests, codes.ResourceExhausted)

			if runs := w.model.runs.Load(); runs != 1 {
				t.Errorf("%d runs, want one", runs)
			}
		})
	}
}

func TestADeadlineThatPassesInARunIsATimeout(t *testing.T) {
	t.Parallel()
	for name, makeWorld := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := makeWorld(t)
			w.model.hold()

			w.refuses(t, http.StatusGatewayTimeout, codes.DeadlineExceeded)
		})
	}
}

// TestADeadlineThatPassesInASharedRunIsATimeout has calls that wait for the run of another one.
func TestADeadlineThatPassesInASharedRunIsATimeout(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t, "MAAS_INFER_CONCURRENCY", "2")
	w.model.hold()
	w.occupy(t, path, question)
	w.occupy(t, connectPath, message) // over gRPC and Connect the model is asked for another encoding: that is another run

	w.refuses(t, http.StatusGatewayTimeout, codes.DeadlineExceeded)

	if runs := w.model.runs.Load(); runs != 2 {
		t.Errorf("%d runs, want two", runs)
	}
}
