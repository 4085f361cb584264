package transfertest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// Server is one function behind a real server.
type Server struct {
	URL string

	t      testing.TB
	token  string
	client *http.Client
}

// Serve starts the handler that open returns behind a real server, as the function with the name. Requests are sent as the world's owner. It stops
// when the test ends.
func (w *World) Serve(name string, open func(context.Context, *env.Env) (http.Handler, error)) *Server {
	w.t.Helper()
	e := env.New(name, maps.Clone(w.Vars), slog.New(slog.NewTextHandler(w.t.Output(), nil)))
	handler, err := open(w.t.Context(), e)
	w.Must(err)
	server := httptest.NewServer(handler)
	w.t.Cleanup(func() {
		server.CloseClientConnections() // what streams goes on otherwise
		server.Close()
		_ = e.Close(context.Background())
	})
	client := &http.Client{Transport: functiontest.Declared(w.t, &http.Transport{DisableKeepAlives: true}, name)}
	return &Server{server.URL, w.t, w.Token(w.Owner), client}
}

// As returns the server for requests with another token, or without one for "".
func (s *Server) As(token string) *Server { return &Server{s.URL, s.t, token, s.client} }

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends a request and returns its answer, read to the end. headers are given as "Name: value". A body is application/json unless they say
// otherwise. It ends the test if there is no answer.
func (s *Server) Send(method, path, body string, headers ...string) Answer {
	s.t.Helper()
	answer := s.send(method, path, body, headers)
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return Answer{answer.StatusCode, answer.Header, content}
}

// Open sends a GET and returns the answer, which the caller reads as it comes, and closes.
func (s *Server) Open(path string, headers ...string) *http.Response {
	s.t.Helper()
	return s.send(http.MethodGet, path, "", headers)
}

// send sends a request and returns the answer, whose body the caller closes. It ends the test if there is none.
func (s *Server) send(method, path, body string, headers []string) *http.Response {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// Into decodes the answer's JSON. It ends the test unless the answer has the status.
func (a Answer) Into(t testing.TB, status int, into any) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatal(err)
	}
}

// AssertProblem fails the test unless the answer is a problem of the status that names the field; "" is none.
func (a Answer) AssertProblem(t testing.TB, status int, field string) {
	t.Helper()
	var problem httpapi.Problem
	a.Into(t, status, &problem)
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	for _, e := range problem.Errors {
		if e.Field == field {
			return
		}
	}
	if field != "" {
		t.Errorf("the problem does not name %s: %s", field, a.Body)
	}
}
