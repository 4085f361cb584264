// Package server answers the Open Inference Protocol, version 2, for one model: REST and gRPC on one listener.
//
// It answers from the moment on at which it listens: it is live at once, and ready when Serve has given it the model.
package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/runtimes/onnx/model"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

// Config says what a server accepts. MaxRequests times MaxBody bounds the memory that requests take, but for a small factor: the eight bytes
// of an FP64 may be two characters of JSON.
type Config struct {
	ModelName    string // the one name that is answered for; "": any
	ModelVersion string // as ModelName
	MaxBody      int64  // bytes of one request
	MaxRequests  int    // under way at once, waiting for their run included; more are answered with 429
	ReadTimeout  time.Duration
	MaxTimeout   time.Duration // the longest that a request may ask for, and what it gets where it asks for nothing
}

// Server holds the model once it is loaded.
type Server struct {
	config Config
	log    *slog.Logger
	model  atomic.Pointer[model.Model]
	since  atomic.Pointer[time.Time] // when the model was there
	places chan struct{}             // one element for each request under way
}

// New returns a server without a model, which is live but not ready. Serve gives it the model.
func New(config Config, log *slog.Logger) *Server {
	return &Server{config: config, log: log, places: make(chan struct{}, config.MaxRequests)}
}

// Serve makes the server ready; with nil it becomes unready, while requests that have begun go on.
func (s *Server) Serve(m *model.Model) {
	now := time.Now()
	s.since.Store(&now)
	s.model.Store(m)
}

// tellAge sets the header that says for how many milliseconds the model has been loaded. It sets none after MaxTimeout, when no caller can
// have waited for the load.
func (s *Server) tellAge(h http.Header) {
	if age := time.Since(*s.since.Load()); age < s.config.MaxTimeout {
		h[openinference.AgeHeader] = []string{strconv.FormatInt(age.Milliseconds(), 10)}
	}
}

// Handler returns the handler of all routes, REST and gRPC.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2", s.metadata)
	mux.HandleFunc("GET /v2/health/live", s.live)
	mux.HandleFunc("GET /v2/health/ready", s.ready)
	mux.HandleFunc("GET /v2/models/{path...}", s.describe)
	mux.HandleFunc("POST /v2/models/{path...}", s.limited(s.infer))
	mux.HandleFunc("/", s.unknown)

	path, grpc := inferenceconnect.NewGRPCInferenceServiceHandler(service{s},
		connect.WithReadMaxBytes(int(s.config.MaxBody)))
	mux.HandleFunc(path, s.limited(grpc.ServeHTTP))
	return mux
}

// limited returns next, limited to MaxRequests requests at once, whose bodies must arrive within ReadTimeout. More requests are refused with
// 429 before their bodies are read.
func (s *Server) limited(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.places <- struct{}{}:
			defer func() { <-s.places }()
			r.Body = s.timely(w, r.Body)
			next(w, r)
		default:
			s.refuse(w, r, fault.New(fault.RateLimited, "the model server has too many requests under way", fault.RetryAfter(time.Second)))
		}
	}
}

// timely is a body with a deadline. It is lifted at the body's end, since it would end the wait for the client's going away too.
type timely struct {
	io.ReadCloser
	deadlines *http.ResponseController
}

// timely returns the body with a deadline of ReadTimeout from now.
func (s *Server) timely(w http.ResponseWriter, body io.ReadCloser) timely {
	deadlines := http.NewResponseController(w)
	_ = deadlines.SetReadDeadline(time.Now().Add(s.config.ReadTimeout)) // both kinds of connection have deadlines
	return timely{body, deadlines}
}

// Read implements io.Reader. It removes the connection's read deadline at the body's end.
func (t timely) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if errors.Is(err, io.EOF) {
		_ = t.deadlines.SetReadDeadline(time.Time{}) // as above
	}
	return n, err
}

// loaded returns the model for a request that names it. It fails with Unavailable while the model is not loaded, and with NotFound for another
// name or version. An empty version stands for any.
func (s *Server) loaded(name, version string) (*model.Model, error) {
	m := s.model.Load()
	switch {
	case m == nil:
		return nil, fault.New(fault.Unavailable, "the model is not ready", fault.RetryAfter(time.Second))
	case name == "" || (s.config.ModelName != "" && name != s.config.ModelName):
		return nil, fault.New(fault.NotFound, "there is no model of this name here")
	case version != "" && s.config.ModelVersion != "" && version != s.config.ModelVersion:
		return nil, fault.New(fault.NotFound, "there is no such version of the model here")
	}
	return m, nil
}

func (s *Server) serverMetadata() openinference.ServerMetadata {
	return openinference.ServerMetadata{Name: "maas-onnx", Version: version, Extensions: []string{"binary_tensor_data"}}
}

// version is the server's own, as the protocol's metadata gives it.
const version = "1"

// modelMetadata returns the model's metadata under the name that was asked for.
func (s *Server) modelMetadata(m *model.Model, name, version string) *openinference.ModelMetadata {
	metadata := &openinference.ModelMetadata{Name: name, Platform: "onnxruntime_onnx", Inputs: m.Inputs(), Outputs: m.Outputs()}
	if version := s.versionOf(version); version != "" {
		metadata.Versions = []string{version}
	}
	return metadata
}

// versionOf returns the version that an answer names: the configured one, else the asked for.
func (s *Server) versionOf(asked string) string {
	if s.config.ModelVersion != "" {
		return s.config.ModelVersion
	}
	return asked
}
