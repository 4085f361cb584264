package child_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/cmd/maas/child"
)

// TestMain serves as the parent that a test kills, too.
func TestMain(m *testing.M) {
	if os.Getenv("CHILD_TEST_PARENT") != "" {
		parent()
	}
	goleak.VerifyTestMain(m)
}

// parent starts a child, prints its id and waits to be killed.
func parent() {
	p, err := child.Start(context.Background(), shell("sleep 300", slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.PID())
	<-p.Done()
	os.Exit(0)
}

func TestStartWaitsUntilTheChildIsReady(t *testing.T) {
	t.Parallel()
	asked := 0
	spec := shell("sleep 300", slog.DiscardHandler)
	spec.Ready = func(context.Context) error {
		asked++
		if asked < 3 {
			return errors.New("not yet")
		}
		return nil
	}

	start(t, spec)

	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

func TestStartFailsWhenTheChildEndsFirst(t *testing.T) {
	t.Parallel()
	spec := shell("exit 7", slog.DiscardHandler)
	spec.Ready = func(context.Context) error { return errors.New("not yet") }

	_, err := child.Start(t.Context(), spec)

	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("err = %v, want exit status 7", err)
	}
}

func TestStartLeavesNothingBehindWhenTheChildIsNotReadyInTime(t *testing.T) {
	t.Parallel()
	spec := shell("sleep 300 & echo $!; wait", slog.DiscardHandler)
	spec.Ready = func(context.Context) error { return errors.New("never") }
	spec.ReadyWithin = 100 * time.Millisecond
	record := &records{}
	spec.Log = slog.New(record)

	_, err := child.Start(t.Context(), spec)

	if err == nil || !strings.Contains(err.Error(), "not ready in time") {
		t.Fatalf("err = %v", err)
	}
	pid, err := strconv.Atoi(record.messages()[0])
	if err != nil {
		t.Fatal(err)
	}
	awaitGone(t, pid)
}

func TestStartNamesAProgramThatIsNotThere(t *testing.T) {
	t.Parallel()
	spec := shell("", slog.DiscardHandler)
	spec.Command = func() (*exec.Cmd, error) { return exec.Command("/does/not/exist"), nil }

	_, err := child.Start(t.Context(), spec)

	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "start shell") {
		t.Errorf("err = %v", err)
	}
}

func TestAChildIsNicerAndThisProcessIsNot(t *testing.T) {
	t.Parallel()
	nice := func(pid string) int {
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')'):])) // proc_pid_stat(5): the 19th field, of which the second ends here
		n, err := strconv.Atoi(fields[17])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := nice("self")
	told := make(chan int, 1)
	spec := shell("sleep 60", slog.DiscardHandler)
	spec.Nice, spec.Started = 3, func(pid int) { told <- pid }
	c := start(t, spec)
	if pid := <-told; pid != c.PID() {
		t.Errorf("Started is told %d, and it is %d", pid, c.PID())
	}
	if got := nice(strconv.Itoa(c.PID())); got != min(19, before+3) {
		t.Errorf("the child's nice value is %d, and this process's %d", got, before)
	}
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		t.Fatal(err)
	}
	nicer := 0
	for _, thread := range threads {
		if nice("self/task/"+filepath.Base(thread)) != before {
			nicer++
		}
	}
	if nicer > 1 { // the one that waits for the child
		t.Errorf("%d threads of this process became nicer", nicer)
	}
}

func TestStopAsksFirst(t *testing.T) {
	t.Parallel()
	p := start(t, shell("trap 'exit 0' TERM; echo ready; while true; do sleep 0.01; done", slog.DiscardHandler))
	time.Sleep(100 * time.Millisecond) // until the trap is set

	p.Stop(t.Context())

	if p.Err() != nil {
		t.Errorf("err = %v, want the child's own exit", p.Err())
	}
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	t.Parallel()
	spec := shell("trap '' TERM; while true; do sleep 0.01; done", slog.DiscardHandler)
	spec.Grace = 100 * time.Millisecond
	p := start(t, spec)
	time.Sleep(100 * time.Millisecond) // until the trap is set

	p.Stop(t.Context())

	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("err = %v, want killed", p.Err())
	}
}

func TestAChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CHILD_TEST_PARENT=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(line)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed

	awaitGone(t, pid)
}

func TestSuperviseStartsAChildThatDiesAgain(t *testing.T) {
	t.Parallel()
	s, err := child.Supervise(t.Context(), shell("sleep 300", slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(context.Background()) })
	first := s.Process()

	if err := first.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}

	eventually(t, func() bool { return s.Process() != first })
	if err := s.Process().Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the new run is gone: %v", err)
	}
}

func TestStopEndsASupervisedChildForGood(t *testing.T) {
	t.Parallel()
	starts := make(chan struct{}, 100)
	spec := shell("", slog.DiscardHandler)
	spec.Command = func() (*exec.Cmd, error) {
		starts <- struct{}{}
		return exec.Command("sleep", "0.05"), nil
	}
	s, err := child.Supervise(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(starts) > 1 })

	s.Stop(t.Context())

	after := len(starts)
	time.Sleep(500 * time.Millisecond)
	if len(starts) != after {
		t.Error("it was started again after Stop")
	}
}

func TestOutputBecomesRecords(t *testing.T) {
	t.Parallel()
	const json = `{"time":"2026-01-01T00:00:00Z","level":"WARN","msg":"slow","took":3}`
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"a line each":                  {"echo one; echo two >&2", []string{"INFO one", "INFO two"}},
		"the last line without an end": {"printf one", []string{"INFO one"}},
		"no empty lines":               {"echo; echo one; echo", []string{"INFO one"}},
		"slog's own":                   {"echo '" + json + "'", []string{"WARN slow took=3"}},
		"JSON that is no record":       {`echo '{"a":1}'`, []string{`INFO {"a":1}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := &records{}
			p := start(t, shell(c.script, record))

			<-p.Done()

			if got := record.all(); strings.Join(got, "|") != strings.Join(c.want, "|") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestALineWithoutEndIsCut(t *testing.T) {
	t.Parallel()
	record := &records{}
	p := start(t, shell("head -c 1000000 /dev/zero | tr '\\0' x", record))

	<-p.Done()

	for _, message := range record.messages() {
		if len(message) > 128<<10 {
			t.Errorf("a record of %d bytes", len(message))
		}
	}
}

// shell returns a child that runs a script; its log goes to the handler.
func shell(script string, log slog.Handler) child.Spec {
	return child.Spec{
		Name:    "shell",
		Log:     slog.New(log),
		Command: func() (*exec.Cmd, error) { return exec.Command("sh", "-c", script), nil },
	}
}

// start starts a child that the test's end stops.
func start(t *testing.T, spec child.Spec) *child.Process {
	t.Helper()
	p, err := child.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(context.Background()) })
	return p
}

func awaitGone(t *testing.T, pid int) {
	t.Helper()
	eventually(t, func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return err != nil || bytes.Contains(status, []byte("State:\tZ")) // nobody may reap an orphan in a container
	})
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("it did not come to be within 30 s")
}

// records is a slog handler that keeps level, message and attributes.
type records struct {
	mu   sync.Mutex
	kept []slog.Record
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }

func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, record)
	return nil
}

func (r *records) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, record := range r.kept {
		all = append(all, record.Message)
	}
	return all
}

func (r *records) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, record := range r.kept {
		line := record.Level.String() + " " + record.Message
		record.Attrs(func(a slog.Attr) bool {
			line += " " + a.String()
			return true
		})
		all = append(all, line)
	}
	return all
}
