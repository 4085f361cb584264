package metering_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/event"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/cloudevent"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/metering"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink takes events as meter-usage does, and keeps what it took.
type sink struct {
	*httptest.Server

	away atomic.Bool
	mu   sync.Mutex
	took map[uuid.UUID]event.InferenceCompleted
	ids  []uuid.UUID
}

const secret = "the secret of a test's installation"

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{took: map[uuid.UUID]event.InferenceCompleted{}}
	signer, err := cloudevent.OpenSigner(env.New("meter-usage", map[string]string{"MAAS_SERVICE_KEY": secret}, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		ce, err := cloudevent.Read(r)
		if err != nil {
			t.Error(err)
			return
		}
		e, err := signer.Verify(ce)
		if err != nil {
			t.Error(err)
			return
		}
		var p event.InferenceCompleted
		if err := json.Unmarshal(e.Data, &p); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.took[e.ID] = p
		s.ids = append(s.ids, e.ID)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s
}

// numbers returns how often each number of each pod was taken.
func (s *sink) numbers() (n int, twice bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[uuid.UUID]map[int64]bool{}
	for _, p := range s.took {
		for _, call := range p.Calls {
			if seen[uuid.UUID(p.Pod)] == nil {
				seen[uuid.UUID(p.Pod)] = map[int64]bool{}
			}
			twice = twice || seen[uuid.UUID(p.Pod)][call.Number]
			seen[uuid.UUID(p.Pod)][call.Number] = true
			n++
		}
	}
	return n, twice
}

// open starts a process that meters; stop ends it.
func (s *sink) open(t *testing.T, folder string) (m *metering.Meter, stop func()) {
	t.Helper()
	e := env.New("infer", map[string]string{"MAAS_SERVICE_KEY": secret, "MAAS_METER_URL": s.URL, "MAAS_METER_DIR": folder}, slog.New(slog.DiscardHandler))
	m, err := metering.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return m, stop
}

func call(t *testing.T) event.InferenceCall {
	t.Helper()
	v, err := ref.ParseVersion("1.4.0")
	if err != nil {
		t.Fatal(err)
	}
	return event.InferenceCall{
		Time: time.Now(), Tenant: api.ID(uuid.New()), Request: "r", Model: ref.Model{Tenant: "acme", Name: "fraud"}, Version: v,
		VersionID: api.ID(uuid.New()), Actor: "key:k", Status: 200, Total: 1000,
	}
}

func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come to pass within 20 s")
		}
	}
}

func TestCallsArePostedWithinSeconds(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t)
			m, _ := s.open(t, folder)
			m.Count(call(t))
			m.Count(call(t))
			eventually(t, func() bool { n, _ := s.numbers(); return n == 2 })
		})
	}
}

func TestABatchHasAtMost500Calls(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	m, stop := s.open(t, t.TempDir())
	one := call(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 300 {
				m.Count(one)
			}
		})
	}
	all.Wait()
	stop()

	if n, twice := s.numbers(); n != 1200 || twice {
		t.Errorf("%d calls, some twice: %v", n, twice)
	}
	for _, p := range s.took {
		if len(p.Calls) > 500 || p.Calls[0].Number != p.First || p.Calls[len(p.Calls)-1].Number != p.Last || int64(len(p.Calls)) != p.Last-p.First+1 {
			t.Errorf("a batch of %d calls from %d to %d", len(p.Calls), p.First, p.Last)
		}
	}
}

func TestWhatIsLeftIsPostedAtTheEnd(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	m, stop := s.open(t, "")
	m.Count(call(t))
	stop()
	if n, _ := s.numbers(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestCallsWaitForAMeterThatIsAway(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	s.away.Store(true)
	m, _ := s.open(t, "")
	m.Count(call(t))
	time.Sleep(1500 * time.Millisecond)
	m.Count(call(t))
	s.away.Store(false)
	eventually(t, func() bool { n, _ := s.numbers(); return n == 2 })
}

func TestTheNextProcessPostsWhatAKilledOneLeft(t *testing.T) {
	t.Parallel()
	s, folder := newSink(t), t.TempDir()
	s.away.Store(true)
	m, stop := s.open(t, folder)
	for range 3 {
		m.Count(call(t))
	}
	killed := copyOf(t, folder) // what a kill leaves: the files as they are
	tear(t, killed)
	stop()
	s.away.Store(false)

	s.open(t, killed)

	eventually(t, func() bool { n, _ := s.numbers(); return n == 3 })
	eventually(t, func() bool { return len(files(t, killed, "*.batch")) == 0 })
}

func TestABatchKeepsItsIDOverARestart(t *testing.T) {
	t.Parallel()
	s, folder := newSink(t), t.TempDir()
	s.away.Store(true)
	m, stop := s.open(t, folder)
	m.Count(call(t))
	eventually(t, func() bool { return len(files(t, folder, "*.batch")) == 1 })
	name := filepath.Base(files(t, folder, "*.batch")[0])
	again := copyOf(t, folder)
	s.away.Store(false)
	stop()
	s.open(t, again)

	eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.ids) == 2 })
	if s.ids[0] != s.ids[1] || !strings.Contains(name, s.ids[0].String()) {
		t.Errorf("the ids are %v, the file is %s", s.ids, name)
	}
}

func TestOneProcessHasAJournal(t *testing.T) {
	t.Parallel()
	s, folder := newSink(t), t.TempDir()
	s.open(t, folder)
	e := env.New("infer", map[string]string{"MAAS_SERVICE_KEY": secret, "MAAS_METER_URL": s.URL, "MAAS_METER_DIR": folder}, slog.New(slog.DiscardHandler))
	defer func() { _ = e.Close(t.Context()) }()
	if _, err := metering.Open(e); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("the error is %v", err)
	}
}

func files(t *testing.T, folder, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func copyOf(t *testing.T, folder string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "journal")
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	return to
}

// tear leaves half a line at the end of the open batch, as a kill may.
func tear(t *testing.T, folder string) {
	t.Helper()
	for _, path := range files(t, folder, "*.open") {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.WriteString(`{"number":4,"time":"20`)
		_ = file.Close()
	}
}
