package maintenance_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/maintenance"
	"github.com/17882237881/MaaS/shared/telemetry"
)

// limit is that of a round in these tests.
const limit = time.Minute

// world runs rounds, and notes what ran.
type world struct {
	t    *testing.T
	env  *env.Env
	log  bytes.Buffer
	ran  []string
	left map[string]time.Duration // to the task's deadline, when it began
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, left: map[string]time.Duration{}}
	w.env = env.New("sweep", map[string]string{"MAAS_SWEEP_TIMEOUT": limit.String()}, slog.New(slog.NewTextHandler(&w.log, nil)))
	t.Cleanup(func() { _ = w.env.Close(context.Background()) })
	return w
}

func (w *world) open(tasks ...maintenance.Task) *maintenance.Tasks {
	w.t.Helper()
	all, err := maintenance.Open(w.env, tasks...)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// task returns a task that notes its run and then does the rest.
func (w *world) task(name string, rest func(context.Context) error) maintenance.Task {
	return maintenance.Task{Name: name, Run: func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		w.ran, w.left[name] = append(w.ran, name), time.Until(deadline)
		return rest(ctx)
	}}
}

func nothing(context.Context) error { return nil }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// metrics returns the lines of a scrape that have the text.
func (w *world) metrics(text string) string {
	w.t.Helper()
	tel, err := telemetry.Open(w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	tel.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(w.t.Context(), "GET", "/metrics", nil))
	var lines []string
	for line := range strings.Lines(answer.Body.String()) {
		if strings.Contains(line, text) && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestTasksThatFailOrPanicAreNamedAndDoNotStopTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, away := newWorld(t), errors.New("away")
		tasks := w.open(w.task("fails", func(context.Context) error { return away }),
			w.task("panics", func(context.Context) error { panic("at the disco") }), w.task("ends", nothing))

		err := tasks.Round(t.Context())

		if slices.Sort(w.ran); strings.Join(w.ran, " ") != "ends fails panics" {
			t.Errorf("ran %s", w.ran)
		}
		if !errors.Is(err, away) || !strings.Contains(err.Error(), "fails (") || !strings.Contains(err.Error(), "panics (") {
			t.Errorf("the error is %v", err)
		}
		for name, failed := range map[string]string{"fails": "1", "panics": "1", "ends": "0"} {
			if got := w.metrics(`maas_maintenance_task_failed{task="` + name + `"}`); !strings.HasSuffix(got, " "+failed+"\n") {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
}

// TestTasksThatHangLeaveEachItsShare has all tasks but one hang until their deadlines.
func TestTasksThatHangLeaveEachItsShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tasks := w.open(w.task("a", hang), w.task("b", hang), w.task("c", nothing), w.task("d", hang))
		began := time.Now()

		err := tasks.Round(t.Context())

		if took := time.Since(began); took > limit {
			t.Errorf("the round took %s of %s", took, limit)
		}
		for name, left := range w.left {
			if left < limit/4 {
				t.Errorf("%s had %s of %s", name, left, limit)
			}
		}
		if len(w.left) != 4 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "b (") {
			t.Errorf("%v ran; the error is %v", w.left, err)
		}
	})
}

// TestATaskThatIgnoresItsDeadlineIsLeftBehind has one that returns only after the round.
func TestATaskThatIgnoresItsDeadlineIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, release := newWorld(t), make(chan struct{})
		var runs atomic.Int32
		tasks := w.open(maintenance.Task{Name: "stuck", Run: func(context.Context) error { runs.Add(1); <-release; return nil }}, w.task("ends", nothing))

		for range 2 {
			if err := tasks.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "stuck (") {
				t.Errorf("the error is %v", err)
			}
		}
		if runs.Load() != 1 || len(w.ran) != 2 {
			t.Errorf("the stuck task was started %d times, the other %d times", runs.Load(), len(w.ran))
		}
		if got := w.metrics(`maas_maintenance_task_failed{task="stuck"}`); !strings.HasSuffix(got, " 1\n") {
			t.Errorf("%q", got)
		}
		close(release)
		synctest.Wait()
		if err := tasks.Round(t.Context()); err != nil || runs.Load() != 2 {
			t.Errorf("%d starts; the error is %v", runs.Load(), err)
		}
	})
}

func TestEachTaskIsTheFirstInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, first := newWorld(t), map[string]bool{}
		tasks := func() *maintenance.Tasks { // on a cluster each round is a process's first
			return w.open(w.task("a", nothing), w.task("b", nothing), w.task("c", nothing))
		}
		for range 3 {
			w.ran = nil
			if err := tasks().Round(t.Context()); err != nil {
				t.Fatal(err)
			}
			first[w.ran[0]] = true
			time.Sleep(time.Minute)
		}
		if len(first) != 3 {
			t.Errorf("%v were the first in three minutes", first)
		}
	})
}

func TestASlowTaskIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tasks := w.open(w.task("slow", func(context.Context) error { time.Sleep(limit * 2 / 5); return nil }), w.task("quick", nothing))

		for range 2 { // once as the first, with half of the time, and once as the last
			if err := tasks.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute - limit*2/5)
		}

		if text := w.log.String(); strings.Count(text, "task=slow") != 1 || strings.Contains(text, "quick") {
			t.Errorf("logged %s", text)
		}
		if got := w.metrics(`maas_maintenance_task_seconds{task="slow"}`); !strings.HasSuffix(got, " 24\n") {
			t.Errorf("%q", got)
		}
	})
}

func TestNoTaskIsStartedAfterTheRoundIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		stop := func(context.Context) error { cancel(); return nil }
		tasks := w.open(w.task("a", stop), w.task("b", stop))

		if err := tasks.Round(ctx); !errors.Is(err, context.Canceled) || len(w.ran) != 1 {
			t.Errorf("%v ran; the error is %v", w.ran, err)
		}
	})
}

func TestALimitIsAboveZero(t *testing.T) {
	t.Parallel()
	e := env.New("sweep", map[string]string{"MAAS_SWEEP_TIMEOUT": "0s"}, slog.New(slog.DiscardHandler))
	if _, err := maintenance.Open(e); err == nil || !strings.Contains(err.Error(), "MAAS_SWEEP_TIMEOUT") {
		t.Errorf("the error is %v", err)
	}
}
