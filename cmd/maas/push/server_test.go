package push

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chunkSize is small here, so that small files have many chunks.
const chunkSize = 4

// server keeps uploads as MaaS does, in memory: what a push meets, with a place to break it.
type server struct {
	t *testing.T
	*httptest.Server

	mu      sync.Mutex
	models  map[string]bool
	uploads []*upload
	puts    int
	// intercept answers a request in the server's place if it says so. It is called with mu held.
	intercept func(w http.ResponseWriter, r *http.Request) bool
	// reject is why verification refuses what it is given; nil accepts it.
	reject *api.UploadProblem
}

// upload is one upload with its bytes.
type upload struct {
	api.Upload

	chunks map[int][]byte
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, models: map[string]bool{}}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request){
		"GET /v1/models/{t}/{m}": s.model,
		"POST /v1/models":        s.makeModel,
		"GET /v1/users/me": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"tenant": "acme"})
		},
		"GET /v1/models/{t}/{m}/versions/{v}": s.version,
		"POST /v1/uploads":                    s.begin,
		"GET /v1/uploads":                     s.list,
		"GET /v1/uploads/{id}":                s.find,
		"DELETE /v1/uploads/{id}":             s.cancel,
		"PUT /v1/uploads/{id}/chunks/{n}":     s.chunk,
		"POST /v1/uploads/{id}/complete":      s.complete,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.intercept == nil || !s.intercept(w, r) {
				handle(w, r)
			}
		})
	}
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func answer(w http.ResponseWriter, status int, value any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func (s *server) model(w http.ResponseWriter, r *http.Request) {
	if !s.models[r.PathValue("m")] {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer(w, http.StatusOK, map[string]any{"model": "acme/" + r.PathValue("m")})
}

func (s *server) makeModel(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	s.models[in.Name] = true
	answer(w, http.StatusCreated, map[string]any{"model": "acme/" + in.Name})
}

func (s *server) version(w http.ResponseWriter, _ *http.Request) {
	var v api.Version
	for _, u := range s.uploads {
		if u.Status == api.UploadReady {
			v.Files = append(v.Files, api.File{Path: u.Path, Size: u.Size, SHA256: u.SHA256})
		}
	}
	if v.Files == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	v.Model, v.Version, v.Status = s.uploads[0].Model, s.uploads[0].Version, api.VersionDraft
	answer(w, http.StatusOK, map[string]any{"model": v.Model, "version": v.Version, "status": v.Status, "files": v.Files, "deployment": map[string]any{"status": "none"}})
}

func (s *server) begin(w http.ResponseWriter, r *http.Request) {
	var in api.CreateUploadRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Error(err)
	}
	u := &upload{chunks: map[int][]byte{}, Upload: api.Upload{
		ID: api.ID(uuid.New()), Model: in.Model, Version: in.Version, Path: in.Path, Size: in.Size, Chunk: chunkSize, First: chunkSize,
		Count: int((in.Size + chunkSize - 1) / chunkSize), Status: api.UploadOpen, Phase: api.Receiving, Expires: time.Now(),
	}}
	s.uploads = append(s.uploads, u)
	answer(w, http.StatusCreated, u.shown())
}

// shown returns the upload with what is missing.
func (u *upload) shown() api.Upload {
	u.Missing, u.Received = []api.ChunkRange{}, 0
	for n := range u.Count {
		if c, ok := u.chunks[n]; ok {
			u.Received += int64(len(c))
		} else if u.Status == api.UploadOpen {
			u.Missing = append(u.Missing, api.ChunkRange{n, n})
		}
	}
	return u.Upload
}

func (s *server) list(w http.ResponseWriter, _ *http.Request) {
	found := page.Page[api.Upload]{Items: []api.Upload{}}
	for _, u := range s.uploads {
		if !u.Status.Ended() {
			found.Items = append(found.Items, u.shown())
		}
	}
	answer(w, http.StatusOK, found)
}

func (s *server) named(w http.ResponseWriter, r *http.Request) *upload {
	for _, u := range s.uploads {
		if u.ID.String() == r.PathValue("id") {
			return u
		}
	}
	w.WriteHeader(http.StatusNotFound)
	return nil
}

// find also verifies: who asks a second time finds the end.
func (s *server) find(w http.ResponseWriter, r *http.Request) {
	u := s.named(w, r)
	if u == nil {
		return
	}
	answer(w, http.StatusOK, u.shown())
	if u.Status != api.UploadVerifying {
		return
	}
	u.Status, u.Error = api.UploadReady, s.reject
	if s.reject != nil {
		u.Status = api.UploadRejected
	}
}

func (s *server) cancel(w http.ResponseWriter, r *http.Request) {
	if u := s.named(w, r); u != nil {
		u.Status = api.UploadCancelled
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *server) chunk(w http.ResponseWriter, r *http.Request) {
	u := s.named(w, r)
	if u == nil {
		return
	}
	s.puts++
	n, _ := strconv.Atoi(r.PathValue("n"))
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client broke off
	}
	sum := ref.SumOf(body)
	if r.Header.Get("Content-Digest") != "sha-256=:"+sum.Base64()+":" {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	if held, ok := u.chunks[n]; ok && !bytes.Equal(held, body) {
		w.WriteHeader(http.StatusConflict)
		return
	}
	u.chunks[n] = body
	answer(w, http.StatusOK, api.ReceivedChunk{Index: n, Size: int64(len(body)), SHA256: sum})
}

func (s *server) complete(w http.ResponseWriter, r *http.Request) {
	u := s.named(w, r)
	if u == nil {
		return
	}
	var in struct{ Chunks []ref.Digest }
	_ = json.NewDecoder(r.Body).Decode(&in)
	var whole []byte
	for n := range u.Count {
		if n >= len(in.Chunks) || ref.SumOf(u.chunks[n]) != in.Chunks[n] {
			w.WriteHeader(http.StatusConflict)
			return
		}
		whole = append(whole, u.chunks[n]...)
	}
	u.SHA256, u.Status, u.Phase = ref.SumOf(whole), api.UploadVerifying, api.Hashing
	answer(w, http.StatusAccepted, u.shown())
}

// pusher pushes to acme/fraud@1.0.0 and counts the bytes that it is told of.
func (s *server) pusher(t *testing.T) (*Pusher, *tally) {
	t.Helper()
	c, err := maas.New(s.URL, maas.WithToken("t"), maas.WithRetry(5*time.Second, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	version, err := ref.ParseVersion("1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	counted := &tally{}
	return &Pusher{Client: c, Model: ref.Model{Tenant: "acme", Name: "fraud"}, Version: version, Parallel: 3, Progress: counted}, counted
}

// tally is a Progress that adds up.
type tally struct {
	maas.NoProgress

	mu   sync.Mutex
	done int64
}

// Begin implements Progress.
func (c *tally) Begin(_ string, _, there int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = there
}

// Sent implements Progress.
func (c *tally) Sent(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += n
}

func (c *tally) read() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

// write makes a file of the text.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
