package push

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

const text = "the quick brown fox jumps over the lazy dog" // 43 bytes: 11 chunks, the last of 3

func TestAFileArrives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, counted := s.pusher(t)
	done, err := p.File(t.Context(), named(write(t, text)))
	if err != nil {
		t.Fatal(err)
	}
	if done.SHA256 != ref.SumOf([]byte(text)) || done.Unchanged || done.Path != "model.onnx" || s.puts != 11 || counted.read() != 43 {
		t.Errorf("%+v, %d chunks, %d bytes", done, s.puts, counted.read())
	}
}

func TestTheSameFileIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	name := write(t, text)
	for _, unchanged := range []bool{false, true} {
		done, err := p.File(t.Context(), named(name))
		if err != nil || done.Unchanged != unchanged || done.SHA256 != ref.SumOf([]byte(text)) {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	if s.puts != 11 || len(s.uploads) != 1 {
		t.Errorf("%d chunks in %d uploads", s.puts, len(s.uploads))
	}
}

func TestAPushGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, counted := s.pusher(t)
	name := write(t, text)
	ctx, cancel := context.WithCancel(t.Context())
	s.intercept = func(_ http.ResponseWriter, _ *http.Request) bool {
		if s.puts == 5 {
			cancel()
		}
		return false
	}
	if _, err := p.File(ctx, named(name)); !fault.Is(err, fault.Canceled) {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.intercept = nil
	there, before := len(s.uploads[0].chunks), s.puts
	s.mu.Unlock()
	if _, err := p.File(t.Context(), named(name)); err != nil {
		t.Fatal(err)
	}
	// Up to Parallel chunks were on the way when it was cut off: they may have arrived before or after the look.
	if len(s.uploads) != 1 || there == 0 || s.puts-before > 11-there+p.Parallel || counted.read() != 43 {
		t.Errorf("%d uploads, %d chunks were there, %d were sent, %d bytes", len(s.uploads), there, s.puts-before, counted.read())
	}
}

func TestAPushOutlastsAServerThatIsAway(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, counted := s.pusher(t)
	requests := 0
	s.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		requests++
		switch requests {
		case 1, 3, 6:
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		case 4, 7:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			return false
		}
	}
	if _, err := p.File(t.Context(), named(write(t, text[:20]))); err != nil {
		t.Fatal(err)
	}
	if counted.read() != 20 {
		t.Errorf("%d bytes", counted.read())
	}
}

func TestAnotherFileOfTheSameSizeBeginsAnew(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.intercept = func(_ http.ResponseWriter, _ *http.Request) bool {
		if s.puts == 5 {
			cancel()
		}
		return false
	}
	if _, err := p.File(ctx, named(write(t, text))); err == nil {
		t.Fatal("it was not cut off")
	}
	s.mu.Lock()
	s.intercept = nil
	s.mu.Unlock()
	other := strings.ToUpper(text)
	done, err := p.File(t.Context(), named(write(t, other)))
	if err != nil || done.SHA256 != ref.SumOf([]byte(other)) {
		t.Fatalf("%+v, %v", done, err)
	}
	if len(s.uploads) != 2 || s.uploads[0].Status != api.UploadCancelled {
		t.Errorf("%d uploads, the first is %s", len(s.uploads), s.uploads[0].Status)
	}
}

func TestAFileUnderVerificationIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]string{"the same": text, "another of its size": strings.ToUpper(text)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			p, _ := s.pusher(t)
			s.intercept = func(w http.ResponseWriter, r *http.Request) bool { // who completes it does not wait
				verifying := r.Method == http.MethodGet && len(s.uploads) > 0 && s.uploads[0].Status == api.UploadVerifying
				if verifying {
					s.intercept = nil
					w.WriteHeader(http.StatusForbidden)
				}
				return verifying
			}
			_, err := p.File(t.Context(), named(write(t, text)))
			faulttest.AssertKind(t, err, fault.Forbidden)
			done, err := p.File(t.Context(), named(write(t, again)))
			if err != nil || done.SHA256 != ref.SumOf([]byte(again)) {
				t.Errorf("%+v, %v", done, err)
			}
		})
	}
}

func TestChunksThatTheStoreLostAreSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, counted := s.pusher(t)
	s.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/complete") {
			delete(s.uploads[0].chunks, 2)
			s.intercept = nil
		}
		return false
	}
	done, err := p.File(t.Context(), named(write(t, text)))
	if err != nil || done.SHA256 != ref.SumOf([]byte(text)) || counted.read() != 43 || len(s.uploads) != 1 {
		t.Errorf("%+v, %v, %d bytes", done, err, counted.read())
	}
}

func TestAnUploadThatIsOpenAgainIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, counted := s.pusher(t)
	s.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && len(s.uploads) > 0 && s.uploads[0].Status == api.UploadVerifying {
			s.intercept = nil // a crash took the last moments away
			s.uploads[0].Status, s.uploads[0].Phase = api.UploadOpen, api.Receiving
			delete(s.uploads[0].chunks, 10)
		}
		return false
	}
	done, err := p.File(t.Context(), named(write(t, text)))
	if err != nil || done.Status != api.UploadReady || counted.read() != 43 || len(s.uploads) != 1 {
		t.Errorf("%+v, %v, %d bytes", done, err, counted.read())
	}
}

func TestABrokenChunkIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, counted := s.pusher(t)
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		broken := r.Method == http.MethodPut
		if broken {
			s.intercept = nil
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
		return broken
	}
	if _, err := p.File(t.Context(), named(write(t, text))); err != nil || counted.read() != 43 {
		t.Error(err, counted.read())
	}
}

func TestARejectedFileSaysWhy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.reject = &api.UploadProblem{Code: "text", Detail: "this is text, not ONNX"}
	p, _ := s.pusher(t)
	_, err := p.File(t.Context(), named(write(t, text)))
	faulttest.AssertKind(t, err, fault.Unprocessable)
	if !strings.Contains(fault.From(err).Message, "this is text, not ONNX") {
		t.Error(err)
	}
}

func TestARefusedBeginningIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	begun := 0
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		refused := r.Method == http.MethodPost
		if refused {
			begun++
			w.WriteHeader(http.StatusConflict) // the version is published
		}
		return refused
	}
	_, err := p.File(t.Context(), named(write(t, text)))
	faulttest.AssertKind(t, err, fault.Conflict)
	if begun != 1 {
		t.Errorf("begun %d times", begun)
	}
}

func TestWhatIsNoFileIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	empty := write(t, "")
	hostile := t.TempDir() + "/a\nb.onnx"
	if err := os.WriteFile(hostile, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.intercept = func(http.ResponseWriter, *http.Request) bool {
		t.Error("a request was made")
		return false
	}
	for _, name := range []string{empty, t.TempDir(), "/no/such/file", hostile} {
		_, err := p.File(t.Context(), named(name))
		faulttest.AssertKind(t, err, fault.Invalid)
	}
}

func TestTheModelIsMadeIfNeedBe(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	for _, want := range []bool{true, false} {
		if made, err := p.EnsureModel(t.Context()); err != nil || made != want {
			t.Errorf("%v, %v; want %v", made, err, want)
		}
	}
}

func TestNoModelIsMadeForAnotherTenant(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	p.Model.Tenant = "rival"
	_, err := p.EnsureModel(t.Context())
	faulttest.AssertKind(t, err, fault.NotFound)
	if len(s.models) != 0 {
		t.Errorf("%v", s.models)
	}
}

// broken is content whose bytes from an offset on cannot be read for as long as it is set.
type broken struct {
	io.ReaderAt

	from *atomic.Int64
}

// ReadAt implements io.ReaderAt.
func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if from := b.from.Load(); from > 0 && at+int64(len(p)) > from {
		return 0, errors.New("input/output error")
	}
	return b.ReaderAt.ReadAt(p, at)
}

func TestContentThatCannotBeReadKeepsWhatHasArrived(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	content := broken{strings.NewReader(text), &atomic.Int64{}}
	content.from.Store(30)
	in := maas.UploadRequest{Model: p.Model, Version: p.Version, Path: "model.onnx", Size: int64(len(text)), Content: content, Parallel: 1}

	if _, err := p.Client.Upload(t.Context(), in); err == nil || !strings.Contains(err.Error(), "input/output error") {
		t.Fatal(err)
	}
	if len(s.uploads) != 1 || s.uploads[0].Status != api.UploadOpen || s.puts == 0 {
		t.Fatalf("%d uploads, %d chunks", len(s.uploads), s.puts)
	}
	content.from.Store(0)
	done, err := p.Client.Upload(t.Context(), in)
	if err != nil || done.SHA256 != ref.SumOf([]byte(text)) || len(s.uploads) != 1 {
		t.Errorf("%+v, %v, %d uploads", done, err, len(s.uploads))
	}
}

func TestAServerThatCutsTheFileWronglyIsFoundOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/uploads" {
			return false
		}
		answer(w, http.StatusCreated, map[string]any{
			"id": api.ID{1}, "model": p.Model, "version": p.Version, "path": "model.onnx", "size": 43, "chunk_size": 4, "first_chunk_size": 4,
			"chunk_count": 1 << 30, "status": "open", "missing": [][]int{{0, 1 << 40}},
		})
		return true
	}
	_, err := p.File(t.Context(), named(write(t, text)))
	faulttest.AssertKind(t, err, fault.Upstream)
}
