package serve

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/telemetry"
)

func TestAPanicIsAProblemAndTheProcessLives(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panics" {
			panic("the inside")
		}
	}).start()

	a := h.get("/panics")

	if a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, "the inside") || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer is %d %s", a.StatusCode, a.body)
	}
	if b := h.get("/"); b.StatusCode != http.StatusOK {
		t.Errorf("the next answer is %d", b.StatusCode)
	}
	panics := h.logs.lines(t, "panic")
	if len(panics) != 1 || !strings.Contains(panics[0]["stack"].(string), "host_test.go") || panics[0]["trace_id"] != a.Header.Get("X-Request-Id") {
		t.Errorf("the log has %v", panics)
	}
}

func TestAPanicWithinAnAnswerCutsItOff(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("too late")
	}).start()
	if a := h.get("/"); a.cut == nil {
		t.Errorf("the answer %q looks whole", a.body)
	}
	if requests := h.logs.lines(t, "request"); len(requests) != 1 {
		t.Errorf("the log has %v", requests)
	}
}

func TestEachRequestHasOneLineWithItsError(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(w http.ResponseWriter, r *http.Request) {
		httpapi.WriteProblem(w, r, fault.New(fault.Unavailable, "away", fault.Cause(errors.New("connection refused"))))
	}).start()

	a := h.get("/things?secret=1")

	requests := h.logs.lines(t, "request")
	if len(requests) != 1 {
		t.Fatalf("the log has %v", requests)
	}
	line := requests[0]
	if line["level"] != "ERROR" || line["function"] != "things" || line["path"] != "/things" || line["status"] != 503.0 || line["kind"] != "unavailable" ||
		line["error"] != "away: connection refused" || line["trace_id"] != a.Header.Get("X-Request-Id") {
		t.Errorf("the line is %v", line)
	}
}

func TestInformationalAnswersAreNotTheAnswer(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	}).start()
	if a := h.get("/"); a.StatusCode != http.StatusTeapot {
		t.Errorf("answer is %d", a.StatusCode)
	}
	if requests := h.logs.lines(t, "request"); len(requests) != 1 || requests[0]["status"] != 418.0 {
		t.Errorf("the log has %v", requests)
	}
}

func TestATraceGoesThrough(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, func(w http.ResponseWriter, r *http.Request) {
		out := http.Header{}
		telemetry.Inject(r.Context(), out)
		_, _ = io.WriteString(w, out.Get("Traceparent"))
	}).start()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for name, headers := range map[string][]string{
		"traceparent": {"Traceparent", "00-" + id + "-00f067aa0ba902b7-01"},
		"request id":  {"X-Request-Id", id},
	} {
		a := h.get("/", headers...)
		if a.Header.Get("X-Request-Id") != id || !strings.HasPrefix(a.body, "00-"+id+"-") {
			t.Errorf("%s: X-Request-Id is %s, traceparent out is %s", name, a.Header.Get("X-Request-Id"), a.body)
		}
	}
	for _, bad := range []string{"", "x", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"} {
		if got := h.get("/", "Traceparent", bad, "X-Request-Id", bad).Header.Get("X-Request-Id"); len(got) != 32 || strings.Trim(got, "0") == "" {
			t.Errorf("after %q the id is %q", bad, got)
		}
	}
}

func TestTheVersionTellsTheFunction(t *testing.T) {
	t.Parallel()
	h := hostOn(t, NewServer, ok).start()
	var v api.ServerVersion
	if err := json.Unmarshal([]byte(h.get("/version").body), &v); err != nil || v.Function != "things" || v.Go == "" {
		t.Errorf("version is %+v, %v", v, err)
	}
}
