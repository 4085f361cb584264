package localruntime

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/cmd/maas/confine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a pool over the real runtime, whose versions are folders of testdata.
type bench struct {
	*pool

	t        *testing.T
	versions map[uuid.UUID]string
	kept     map[uuid.UUID]bool
	folder   string // of the sockets

	mu   sync.Mutex
	seen []state
}

func newBench(t *testing.T, idleAfter time.Duration) *bench {
	t.Helper()
	program, err := filepath.Abs("../../../bin/maas-onnx")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("run `make build` first: %v", err)
	}
	b := &bench{t: t, versions: map[uuid.UUID]string{}, kept: map[uuid.UUID]bool{}}
	sockets := t.TempDir()
	b.folder = sockets
	life, end := context.WithCancel(context.Background())
	b.pool = &pool{
		confiner: confine.New(slog.New(slog.DiscardHandler)),
		prepare: func(_ context.Context, version uuid.UUID) (model, error) {
			folder, ok := b.versions[version]
			if !ok {
				return model{}, fault.New(fault.NotFound, "There is no such deployment.")
			}
			return model{name: folder, folder: filepath.Join("testdata", folder), sockets: sockets, program: Program{Path: program}}, nil
		},
		changed: func(_ context.Context, c change) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.seen = append(b.seen, c.state)
		},
		keep:      func(version uuid.UUID) bool { return b.kept[version] },
		idleAfter: idleAfter, startTime: func(uuid.UUID) time.Duration { return 30 * time.Second }, log: slog.New(slog.DiscardHandler),
		all: map[uuid.UUID]*instance{}, falls: map[uuid.UUID]fall{}, news: make(chan struct{}, 1), life: life, end: end,
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { b.reap(ctx) })
	work.Go(func() { b.tell(ctx) })
	t.Cleanup(func() {
		b.close(context.Background())
		cancel()
		work.Wait()
	})
	return b
}

// version returns one whose files lie in the folder.
func (b *bench) version(folder string) uuid.UUID {
	id := uuid.New()
	b.versions[id] = folder
	return id
}

func (b *bench) states() []state {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]state(nil), b.seen...)
}

func (b *bench) running() int {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	return len(b.all)
}

func (b *bench) eventually(what string, ok func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatal("not in time: " + what)
		}
	}
}

// call sends the digits through the activator, as the gateway does.
func (b *bench) call(version uuid.UUID) (int, string) {
	b.t.Helper()
	body, err := os.ReadFile("testdata/digits-request.json")
	if err != nil {
		b.t.Fatal(err)
	}
	server := httptest.NewServer(newActivator(b.pool, b.log))
	defer server.Close()
	address := server.URL + prefix + version.String() + "/v2/models/acme%2Fdigits/infer"
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	client := server.Client()
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestTheFirstCallStartsAVersionAndIsAnswered(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	status, text := b.call(b.version("digits"))
	if status != http.StatusOK || !strings.Contains(text, "[2,8,2]") {
		t.Fatalf("answered %d: %s", status, text)
	}
	b.eventually("it is told ready", func() bool { s := b.states(); return len(s) == 2 && s[0] == starting && s[1] == ready })
}

func TestCallsAtOnceStartOneRuntime(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.version("digits")
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			_, release, err := b.acquire(t.Context(), version)
			if err != nil {
				t.Error(err)
				return
			}
			release()
		})
	}
	calls.Wait()
	b.eventually("both changes are told", func() bool { return len(b.states()) >= 2 })
	if s := b.states(); len(s) != 2 {
		t.Errorf("changes are %v, want one start", s)
	}
}

func TestAnIdleVersionStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, 100*time.Millisecond)
	version := b.version("digits")
	for range 2 {
		if status, text := b.call(version); status != http.StatusOK {
			t.Fatalf("answered %d: %s", status, text)
		}
		b.eventually("it is stopped", func() bool { return b.running() == 0 })
	}
	b.eventually("both rounds are told", func() bool { return len(b.states()) == 6 })
}

func TestAVersionWithACallOrThatIsKeptDoesNotStop(t *testing.T) {
	t.Parallel()
	b := newBench(t, 50*time.Millisecond)
	called, kept := b.version("digits"), b.version("digits")
	b.kept[kept] = true
	_, release, err := b.acquire(t.Context(), called)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	_, releaseKept, err := b.acquire(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	releaseKept()
	time.Sleep(400 * time.Millisecond)
	if n := b.running(); n != 2 {
		t.Errorf("%d run, want both", n)
	}
}

func TestAModelThatDoesNotLoadSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	status, text := b.call(b.version("broken"))
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "does not start") || !strings.Contains(text, "ONNX") || strings.Contains(text, "testdata") {
		t.Errorf("answered %d: %s", status, text)
	}
	if n := b.running(); n != 0 {
		t.Errorf("%d are kept after a failed start", n)
	}
}

func TestAStartThatFailsIsNeverTheCallersFault(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		fault.New(fault.Unprocessable, "a manifest lists one file or more"), fault.New(fault.NotFound, "the bytes are missing"),
		fault.New(fault.Conflict, "another process is fetching"), fault.New(fault.Invalid, "the model is in another bucket"),
		fault.New(fault.Internal, "the disk is broken"), &fs.PathError{Op: "open", Path: "/var/lib/maas/models/1", Err: fs.ErrPermission},
	} {
		told := fault.From(message(err))
		if !told.Kind.Ours() || strings.Contains(told.Message, "/var") || !errors.Is(told, err) {
			t.Errorf("%v is told as %s: %s", err, told.Kind, told.Message)
		}
	}
	faulttest.AssertKind(t, message(errAbsent), fault.NotFound) // nothing was started
}

func TestAReasonNamesNoPathOfTheHost(t *testing.T) {
	t.Parallel()
	m := model{folder: "/data/models/0a", program: Program{Path: "/opt/bin/maas-onnx", Environment: []string{"LIB=/usr/lib/libonnx.so", "N=4"}}}
	said := m.withoutPaths("start: fork/exec /opt/bin/maas-onnx: Load model from /data/models/0a/w/model.onnx failed in /data/models/0a by /usr/lib/libonnx.so at /layer1/MatMul")
	want := "start: fork/exec maas-onnx: Load model from w/model.onnx failed in the version's folder by libonnx.so at /layer1/MatMul"
	if said != want {
		t.Errorf("it says %q, want %q", said, want)
	}
}

func TestAVersionThatNobodyStartedIsNotFound(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	_, _, err := b.acquire(t.Context(), uuid.New())
	faulttest.AssertKind(t, err, fault.NotFound)
}

func TestACallerThatLeavesDoesNotEndTheStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.version("digits")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.acquire(ctx, version); !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	b.eventually("the start ends well", func() bool { s := b.states(); return len(s) == 2 && s[1] == ready })
}

func TestARuntimeThatDiesIsStartedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.version("digits")
	if status, _ := b.call(version); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	b.pool.mu.Lock()
	dying := b.all[version].process.child
	b.pool.mu.Unlock()
	if err := dying.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.eventually("its end is seen", func() bool { return b.running() == 0 })
	if status, text := b.call(version); status != http.StatusOK {
		t.Errorf("answered %d: %s", status, text)
	}
}

func TestAClosedPoolStartsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	version := b.version("digits")
	if status, _ := b.call(version); status != http.StatusOK {
		t.Fatalf("answered %d", status)
	}
	b.close(t.Context())
	_, _, err := b.acquire(t.Context(), version)
	faulttest.AssertKind(t, err, fault.Unavailable)
	if n := b.running(); n != 0 {
		t.Errorf("%d run after the close", n)
	}
}

// hold makes each start wait for its files until the channel is closed.
func (b *bench) hold() (files chan struct{}) {
	files = make(chan struct{})
	prepare := b.prepare
	b.prepare = func(ctx context.Context, version uuid.UUID) (model, error) {
		select {
		case <-files:
			return prepare(ctx, version)
		case <-ctx.Done():
			return model{}, ctx.Err()
		}
	}
	return files
}

func TestTheEndDoesNotWaitForAStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	b.hold()
	failed := make(chan error)
	go func() {
		_, _, err := b.acquire(t.Context(), b.version("digits"))
		failed <- err
	}()
	b.eventually("it starts", func() bool { return b.running() == 1 })

	b.close(t.Context())

	faulttest.AssertKind(t, <-failed, fault.Unavailable)
}

func TestWhatIsRemovedWhileItStartsIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t, time.Minute)
	files, version := b.hold(), b.version("digits")
	failed := make(chan error)
	go func() {
		_, _, err := b.acquire(t.Context(), version)
		failed <- err
	}()
	b.eventually("it starts", func() bool { return b.running() == 1 })

	b.remove(t.Context(), version)
	close(files)

	faulttest.AssertKind(t, <-failed, fault.NotFound)
	b.starts.Wait() // until nothing runs
	if s := b.states(); len(s) > 1 {
		t.Errorf("changes are %v, want no word of a runtime that nobody wants", s)
	}
}
