package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/openinference"
)

// live answers 200, always.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]bool{"live": true})
}

// ready answers 200 once the model is loaded, and 503 before.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.model.Load() == nil {
		s.refuse(w, r, fault.New(fault.Unavailable, "the model is not ready", fault.RetryAfter(time.Second)))
		return
	}
	writeJSON(w, map[string]bool{"ready": true})
}

// metadata answers with the server's name, version and extensions.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, s.serverMetadata())
}

// unknown answers 404 to a path without a route.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, fault.New(fault.NotFound, "there is no such route: see /v2"))
}

// describe answers a GET for a model: its metadata, or for PATH/ready that it is ready. It answers 503 while the model is not loaded, and 404
// for another model.
func (s *Server) describe(w http.ResponseWriter, r *http.Request) {
	t := parseTarget(r.PathValue("path"))
	m, err := s.loaded(t.model, t.version)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case t.verb == "ready":
		writeJSON(w, map[string]any{"name": t.model, "ready": true})
	case t.verb == "":
		writeJSON(w, s.modelMetadata(m, t.model, t.version))
	default:
		s.refuse(w, r, fault.New(fault.NotFound, "inference is a POST"))
	}
}

// target is what a path under /v2/models/ names. A model's name may hold slashes, so that the path is read from its end.
type target struct{ model, version, verb string }

// parseTarget parses MODEL, with /versions/VERSION and then /infer or /ready after it, each optional. A model's name may have slashes.
func parseTarget(path string) target {
	t := target{model: path}
	for _, verb := range []string{"infer", "ready"} {
		if before, ok := strings.CutSuffix(path, "/"+verb); ok {
			t.model, t.verb = before, verb
		}
	}
	const versions = "/versions/"
	if at := strings.LastIndex(t.model, versions); at > 0 && !strings.Contains(t.model[at+len(versions):], "/") {
		t.model, t.version = t.model[:at], t.model[at+len(versions):]
	}
	return t
}

// infer answers POST /v2/models/…/infer: it runs the model and writes the answer. Other paths get 404.
func (s *Server) infer(w http.ResponseWriter, r *http.Request) {
	t := parseTarget(r.PathValue("path"))
	if t.verb != "infer" {
		s.refuse(w, r, fault.New(fault.NotFound, "there is no such route: inference is POST /v2/models/{name}/infer"))
		return
	}
	body, header, err := s.run(w, r, t)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if header > 0 {
		w.Header()[openinference.HeaderLength] = []string{strconv.Itoa(header)}
		w.Header()["Content-Type"] = []string{"application/octet-stream"}
	} else {
		w.Header()["Content-Type"] = []string{"application/json"}
	}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	s.tellAge(w.Header())
	_, _ = w.Write(body) // the client may be gone
}

// run reads the request, runs the model, and returns the answer's body. header is the length of its JSON part if binary data follows, and 0
// otherwise.
func (s *Server) run(w http.ResponseWriter, r *http.Request, t target) (body []byte, header int, err error) {
	m, err := s.loaded(t.model, t.version)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel, err := s.deadline(r)
	if err != nil {
		return nil, 0, err
	}
	defer cancel()
	request, err := s.read(w, r)
	if err != nil {
		return nil, 0, err
	}
	outputs, err := m.Infer(ctx, request)
	if err != nil {
		return nil, 0, err
	}
	for i := range outputs {
		outputs[i].Binary = request.WantsBinary(outputs[i].Name)
	}
	return openinference.AppendResponse(nil, &openinference.Response{
		Model: t.model, Version: s.versionOf(t.version), ID: request.ID, Outputs: outputs,
	})
}

// deadline returns the request's context with the timeout that the caller asks for in a header, MaxTimeout at most and by default. It fails
// with Invalid if the header is no number of milliseconds.
func (s *Server) deadline(r *http.Request) (context.Context, context.CancelFunc, error) {
	timeout := s.config.MaxTimeout
	if value := r.Header.Get(openinference.TimeoutHeader); value != "" {
		ms, err := strconv.ParseInt(value, 10, 64)
		if err != nil || ms < 1 {
			return nil, nil, fault.New(fault.Invalid,
				openinference.TimeoutHeader+" is a number of milliseconds, 1 or more", fault.Field(openinference.TimeoutHeader))
		}
		if ms < timeout.Milliseconds() {
			timeout = time.Duration(ms) * time.Millisecond
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	return ctx, cancel, nil
}

// read reads and decodes the request. It fails with Invalid if it is malformed, and as readBody does.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (*openinference.Request, error) {
	body, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	header, err := openinference.ParseHeaderLength(r.Header.Get(openinference.HeaderLength), len(body))
	if err != nil {
		return nil, err
	}
	return openinference.DecodeRequest(body, header)
}

// readBody returns the request's body, decompressed. It fails with TooLarge beyond MaxBody, with Timeout if it does not arrive within
// ReadTimeout, with Canceled if the client has gone away, and with Invalid if it cannot be decompressed.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	content, err := openinference.Decompress(strings.Join(r.Header["Content-Encoding"], ","), r.Body)
	if err != nil {
		return nil, err
	}
	if r.ContentLength > s.config.MaxBody {
		return nil, s.tooLarge()
	}
	var body bytes.Buffer
	body.Grow(int(max(0, r.ContentLength)) + bytes.MinRead)
	_, err = io.Copy(&body, http.MaxBytesReader(w, io.NopCloser(content), s.config.MaxBody))
	var tooLong *http.MaxBytesError
	switch {
	case fault.Is(err, fault.Invalid):
		return nil, err
	case errors.As(err, &tooLong):
		return nil, s.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fault.New(fault.Timeout, "the body did not arrive within "+s.config.ReadTimeout.String(), fault.Cause(err))
	case err != nil:
		return nil, fault.New(fault.Canceled, "the client went away before its request was read", fault.Cause(err))
	}
	return body.Bytes(), nil
}

func (s *Server) tooLarge() error {
	return fault.New(fault.TooLarge, fmt.Sprintf("the body is longer than %d bytes", s.config.MaxBody))
}
