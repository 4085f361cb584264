package localruntime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/cmd/maas/child"
	"github.com/17882237881/MaaS/cmd/maas/confine"
	"github.com/17882237881/MaaS/shared/allowance"
	"github.com/17882237881/MaaS/shared/deployment"
	"github.com/17882237881/MaaS/shared/formatstest"
	"github.com/17882237881/MaaS/shared/termination"
)

// greedy returns a version of one model, which is given so much.
func (b *bench) greedy(file []byte, allowed allowance.Allowance) uuid.UUID {
	b.t.Helper()
	folder := b.t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "model.onnx"), file, 0o600); err != nil {
		b.t.Fatal(err)
	}
	id, prepare := b.version("digits"), b.prepare
	b.prepare = func(ctx context.Context, version uuid.UUID) (model, error) {
		m, err := prepare(ctx, version)
		if version == id {
			m.name, m.folder, m.allowed = "greedy", folder, allowed
		}
		return m, err
	}
	return id
}

func TestAStartThatNeedsMoreThanItIsGivenFailsForGoodAndSaysSo(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		file    []byte
		allowed allowance.Allowance
		limit   allowance.Limit
	}{
		"needed more memory than the 128 MiB": {formatstest.Folding(256, 1500), allowance.Allowance{Memory: 128 << 20, Load: time.Minute}, allowance.Memory},
		"more CPU time to load than the 1s":   {formatstest.Folding(2048, 500), allowance.Allowance{Memory: 2 << 30, Load: time.Second}, allowance.Load},
	} {
		b := newBench(t, time.Minute)
		_, _, err := b.acquire(t.Context(), b.greedy(c.file, c.allowed))
		if excess, ok := errors.AsType[excess](err); !ok || excess.limit != c.limit || !deployment.Lasting(err) || !strings.Contains(fault.From(err).Message, want) {
			t.Errorf("error is %v, want one of %q", err, want)
		}
	}
}

// TestAServerThatEndsForWantOfMemoryHasExceededIt runs a process that exits by itself with termination.OutOfMemory, as a model server that aborts does.
func TestAServerThatEndsForWantOfMemoryHasExceededIt(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	allowed := allowance.Allowance{Memory: 128 << 20}
	for status, want := range map[int]bool{termination.OutOfMemory: true, 2: false} {
		c, err := child.Start(t.Context(), child.Spec{
			Name: "one that ends", Log: log, Ready: func(context.Context) error { return nil },
			Command: func() (*exec.Cmd, error) {
				return exec.Command("sh", "-c", fmt.Sprintf("sleep 0.2; exit %d", status)), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := process{child: c, cell: confine.New(log).Cell(allowed), model: model{allowed: allowed}}
		excess, ok := errors.AsType[excess](p.await())
		if ok != want || ok && excess.limit != allowance.Memory {
			t.Errorf("one that ends with %d has exceeded %v, %v", status, excess.limit, ok)
		}
	}
}

func TestARemovedVersionsStartIsKilledAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.greedy(formatstest.Folding(4096, 100), allowance.Allowance{Memory: 2 << 30, Load: time.Hour})
	failed := make(chan error)
	go func() {
		_, _, err := b.acquire(t.Context(), version)
		failed <- err
	}()
	b.eventually("its runtime listens", func() bool { return len(b.sockets()) == 1 })

	began := time.Now()
	b.remove(t.Context(), version)

	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	faulttest.AssertKind(t, <-failed, fault.NotFound)
	if left := b.sockets(); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// sockets returns those of runtimes that start or run.
func (b *bench) sockets() []string {
	found, err := filepath.Glob(filepath.Join(b.folder, "*"+socketEnding))
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

func TestARuntimeThatDiesAgainAndAgainIsStartedAfterAPause(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.version("digits")
	for range 2 {
		if status, text := b.call(version); status != http.StatusOK {
			t.Fatalf("answered %d: %s", status, text)
		}
		b.pool.mu.Lock()
		dying := b.all[version].process.child
		b.pool.mu.Unlock()
		if err := dying.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		b.eventually("its end is seen", func() bool { return b.running() == 0 })
	}

	b.pool.mu.Lock()
	second := b.falls[version]
	b.falls[version] = fall{count: second.count, until: time.Now().Add(time.Hour), why: second.why}
	b.pool.mu.Unlock()
	if second.count != 2 {
		t.Errorf("%d ends are counted", second.count)
	}
	if status, text := b.call(version); status != http.StatusServiceUnavailable || !strings.Contains(text, "2 times in a row") {
		t.Errorf("answered %d: %s", status, text)
	}
	b.remove(t.Context(), version)
	if status, text := b.call(version); status != http.StatusOK {
		t.Errorf("one that is asked for again is answered %d: %s", status, text)
	}
}

func TestThePauseDoublesUntilTheRuntimeRunsSteadily(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var f fall
	for n, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
		f = f.next(now.Add(-time.Second), now, nil)
		if got := f.until.Sub(now); got != want {
			t.Errorf("pause %d is %s, want %s", n+1, got, want)
		}
	}
	for range 100 {
		f = f.next(now.Add(-time.Second), now, nil)
	}
	if got := f.until.Sub(now); got != longestFallPause {
		t.Errorf("the longest pause is %s", got)
	}
	told := fault.From(f.pause(now))
	if told.Kind != fault.Unavailable || told.RetryAfter < longestFallPause || f.pause(now.Add(longestFallPause)) != nil {
		t.Errorf("a caller is told %+v", told)
	}
	if f = f.next(now.Add(-steadyTime), now, nil); f.count != 1 || f.pause(now) != nil {
		t.Errorf("after it ran steadily it is %+v", f)
	}
}

func TestACrashIsTheFirstInARowAfterAnIdleStop(t *testing.T) {
	t.Parallel()
	version := uuid.New()
	p := &pool{
		keep: func(uuid.UUID) bool { return false }, idleAfter: time.Minute, news: make(chan struct{}, 1),
		all:   map[uuid.UUID]*instance{version: {process: &process{}, used: time.Now().Add(-time.Hour)}},
		falls: map[uuid.UUID]fall{version: {count: 1, until: time.Now().Add(-24 * time.Hour)}},
	}
	if taken := p.takeIdle(); len(taken) != 1 {
		t.Fatalf("%d are idle", len(taken))
	}
	now := time.Now()
	if f := p.falls[version].next(now.Add(-time.Second), now, nil); f.count != 1 || f.pause(now) != nil {
		t.Errorf("after the idle stop, a crash is counted as %+v", f)
	}
}
