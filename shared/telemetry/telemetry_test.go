package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newEnv(t *testing.T, vars map[string]string) *env.Env {
	t.Helper()
	e := env.New("things", vars, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

func open(t *testing.T, e *env.Env) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// exchange does one request and returns its log.
func exchange(t *testing.T, tel *telemetry.Telemetry, handle func(*telemetry.Exchange, *http.Request)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, r := tel.Begin(t.Context(), httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/things/7", http.NoBody))
	handle(x, r)
	tel.End(x, r, log, "things")
	line := map[string]any{}
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("the log is %s", &out)
		}
	}
	return line
}

func scrape(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

func TestAnExchangeIsCountedByItsRoute(t *testing.T) {
	t.Parallel()
	tel := open(t, newEnv(t, nil))
	line := exchange(t, tel, func(x *telemetry.Exchange, r *http.Request) {
		telemetry.SetRoute(r.Context(), "GET /things/{id}")
		x.WriteHeader(http.StatusTeapot)
		_, _ = io.Copy(x, strings.NewReader("four"))
	})
	if line["status"] != 418.0 || line["bytes"] != 4.0 || line["level"] != "INFO" {
		t.Errorf("the line is %v", line)
	}
	if want := `http_request_duration_seconds_count{function="things",route="GET /things/{id}",status="418"} 1`; !strings.Contains(scrape(t, tel), want) {
		t.Errorf("the metrics lack %s", want)
	}
}

func TestAQuietRouteIsLoggedOnlyWhenWeFail(t *testing.T) {
	t.Parallel()
	tel := open(t, newEnv(t, nil))
	for status, logged := range map[int]bool{http.StatusOK: false, http.StatusNotFound: false, http.StatusBadGateway: true} {
		line := exchange(t, tel, func(x *telemetry.Exchange, r *http.Request) {
			telemetry.SetQuiet(r.Context())
			x.WriteHeader(status)
		})
		if (len(line) > 0) != logged {
			t.Errorf("%d: the line is %v", status, line)
		}
	}
}

// A stream that breaks off, and gRPC, have told 200 by then.
func TestAFailureOfOursIsAnErrorWhateverTheStatus(t *testing.T) {
	t.Parallel()
	tel := open(t, newEnv(t, nil))
	for kind, want := range map[fault.Kind]string{fault.Internal: "ERROR", fault.Unavailable: "ERROR", fault.Canceled: "INFO", fault.NotFound: "INFO"} {
		line := exchange(t, tel, func(x *telemetry.Exchange, r *http.Request) {
			x.WriteHeader(http.StatusOK)
			telemetry.Fail(r.Context(), fault.New(kind, "It broke off."))
		})
		if line["level"] != want {
			t.Errorf("%s: the line is %v, want the level %s", kind, line, want)
		}
	}
}

func TestTheFirstErrorIsTheOneThatIsLogged(t *testing.T) {
	t.Parallel()
	line := exchange(t, open(t, newEnv(t, nil)), func(x *telemetry.Exchange, r *http.Request) {
		telemetry.Fail(r.Context(), errors.New("the cause"))
		telemetry.Fail(r.Context(), errors.New("what followed"))
		x.WriteHeader(http.StatusInternalServerError)
	})
	if line["error"] != "the cause" || line["kind"] != "internal" {
		t.Errorf("the line is %v", line)
	}
}

func TestFunctionsOfOneProcessShareACollector(t *testing.T) {
	t.Parallel()
	e := newEnv(t, nil)
	gauge := func(function string) prometheus.Gauge {
		c, err := telemetry.Register(e.For(function), prometheus.NewGauge(prometheus.GaugeOpts{Name: "calls", Help: "Calls."}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	gauge("a").Inc()
	gauge("b").Inc()
	if metrics := scrape(t, open(t, e)); !strings.Contains(metrics, "\ncalls 2\n") {
		t.Errorf("metrics are %s", metrics)
	}
	if _, err := telemetry.Register(e, prometheus.NewHistogram(prometheus.HistogramOpts{Name: "calls", Help: "Calls."})); err == nil {
		t.Error("another collector of that name is taken")
	}
}

func TestATraceparentGoesThroughAnEvent(t *testing.T) {
	t.Parallel()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ctx := telemetry.WithTraceparent(t.Context(), parent)
	if got := telemetry.Traceparent(ctx); got != parent || telemetry.RequestID(ctx) != parent[3:35] {
		t.Errorf("traceparent is %q, the id %q", got, telemetry.RequestID(ctx))
	}
	if ctx = telemetry.WithTraceparent(t.Context(), "nonsense"); telemetry.Traceparent(ctx) != "" || telemetry.RequestID(ctx) != "" {
		t.Errorf("nonsense gives %q", telemetry.Traceparent(ctx))
	}
}

func TestTheLogIsSetByTwoVariables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vars map[string]string
		want string
	}{
		"json by default": {nil, `{"time":`},
		"text":            {map[string]string{"MAAS_LOG": "text"}, "time="},
		"too quiet":       {map[string]string{"MAAS_LOG_LEVEL": "warn"}, ""},
	} {
		var out bytes.Buffer
		log, err := telemetry.NewLogger(&out, c.vars)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("hello")
		if !strings.HasPrefix(out.String(), c.want) || c.want == "" && out.Len() > 0 {
			t.Errorf("%s: the log is %s", name, &out)
		}
	}
	for name, value := range map[string]string{"MAAS_LOG": "xml", "MAAS_LOG_LEVEL": "loud"} {
		if _, err := telemetry.NewLogger(io.Discard, map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s gives %v", name, value, err)
		}
	}
}

func TestMetricsAreServedUntilTheProcessCloses(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	e := newEnv(t, map[string]string{"METRICS_ADDRESS": address})
	if err := telemetry.ServeMetrics(e); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if err := telemetry.ServeMetrics(newEnv(t, map[string]string{"METRICS_ADDRESS": address})); err == nil {
		t.Error("an address that is taken is taken again")
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if response, err := client.Get("http://" + address + "/metrics"); err == nil {
		_ = response.Body.Close()
		t.Error("metrics are served after the end")
	}
}

func TestWhatWasMeasuredIsFlushedWhenTheProcessCloses(t *testing.T) {
	t.Parallel()
	var traces, metrics atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case !bytes.Contains(body, []byte("GET /things/{id}")):
		case r.URL.Path == "/v1/traces":
			traces.Add(1)
		case r.URL.Path == "/v1/metrics":
			metrics.Add(1)
		}
	}))
	defer collector.Close()
	e := newEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL})
	exchange(t, open(t, e), func(_ *telemetry.Exchange, r *http.Request) { telemetry.SetRoute(r.Context(), "GET /things/{id}") })

	if err := e.Close(t.Context()); err != nil || traces.Load() != 1 || metrics.Load() != 1 {
		t.Errorf("Close gives %v; %d batches of spans and %d of metrics arrived", err, traces.Load(), metrics.Load())
	}
}
