package serve

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// coldStarts reads the metric out of a scrape, by phase.
func coldStarts(t *testing.T, metrics string) map[string]time.Duration {
	t.Helper()
	found := map[string]time.Duration{}
	for _, match := range regexp.MustCompile(`(?m)^maas_cold_start_seconds\{function="child",phase="(\w+)"\} (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		seconds, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		found[match[1]] = time.Duration(seconds * float64(time.Second))
	}
	return found
}

func text(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAProcessTellsHowLongItTookToItsFirstAnswer(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	const before, idle = 200 * time.Millisecond, 400 * time.Millisecond
	process, url, stderr := child(t, linger+"="+before.String())
	metrics := freeAddress(t)
	process.Env = append(process.Env, "METRICS_ADDRESS="+metrics)
	began := time.Now()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, url+"/health/readiness")
	readyBy := time.Since(began)
	time.Sleep(idle) // nobody asks, which is no part of the start
	if _, told := coldStarts(t, text(t, "http://"+metrics+"/metrics"))["first_byte"]; told {
		t.Error("there is a first byte before anybody asked")
	}
	asked := time.Now()
	for range 2 {
		_ = text(t, url+"/")
	}
	answeredBy := readyBy + time.Since(asked)

	got := coldStarts(t, text(t, "http://"+metrics+"/metrics"))

	if ready := got["ready"]; ready < before || ready > readyBy+clockTick {
		t.Errorf("ready after %s, want between %s, where main began, and %s, when it was seen", ready, before, readyBy)
	}
	if first := got["first_byte"]; first < got["ready"] || first > answeredBy+clockTick {
		t.Errorf("the first byte came after %s, want between %s and %s", first, got["ready"], answeredBy)
	}
	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := process.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stderr)
	}
}

func TestAFunctionThatSharesItsProcessHasNoColdStart(t *testing.T) {
	t.Parallel()
	f := New(open)
	e := env.New("child", nil, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	if err := f.Mount(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	f.Handle(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	measured, err := telemetry.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	measured.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if strings.Contains(w.Body.String(), "maas_cold_start_seconds") {
		t.Errorf("metrics are %s", w.Body)
	}
}
