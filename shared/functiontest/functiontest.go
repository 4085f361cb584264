// Package functiontest starts a function on a server of its own, asks it over HTTP, and checks how it refuses.
package functiontest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/serve"
)

// Function is a function that answers at URL.
type Function struct {
	URL    string
	Client *http.Client // ends with the function

	t    testing.TB
	vars map[string]string
}

// Start mounts the function on a server of its own, with the variables as its environment, and stops it when the test ends. It fails the test for
// errors that routes do not declare.
func Start(t testing.TB, name string, f *serve.Function, vars map[string]string) *Function {
	t.Helper()
	e := env.New(name, vars, slog.New(slog.DiscardHandler))
	if err := f.Mount(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		server.Close() // and the connections of its client
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := f.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	client := server.Client()
	client.Transport = Declared(t, client.Transport, name)
	return &Function{server.URL, client, t, vars}
}

// At returns a function, or a host of many, that already answers at the URL. vars are the variables that it was started with.
func At(t testing.TB, url string, vars map[string]string) *Function {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Function{url, &http.Client{Transport: Declared(t, transport)}, t, vars}
}

// Request is what a function is asked. Body is sent as JSON.
type Request struct {
	Method string
	Path   string
	Token  string // an access token or an API key
	Body   string
	Header map[string]string
}

// Answer is what it answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	t testing.TB
}

// Do sends the request to the function and returns the answer, read to its end. It ends the test if there is no answer.
func (f *Function) Do(in Request) Answer {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), in.Method, f.URL+in.Path, strings.NewReader(in.Body))
	if err != nil {
		f.t.Fatal(err)
	}
	if in.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if in.Token != "" {
		request.Header.Set("Authorization", "Bearer "+in.Token)
	}
	for name, value := range in.Header {
		request.Header.Set(name, value)
	}
	response, err := f.Client.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return Answer{response.StatusCode, response.Header, body, f.t}
}

// Must is Do for an answer that must have the status, or the test ends. It decodes the answer's JSON into out unless that is nil.
func (f *Function) Must(in Request, status int, out any) Answer {
	f.t.Helper()
	answer := f.Do(in)
	if answer.Status != status {
		f.t.Fatalf("%s %s: status %d, want %d: %s", in.Method, in.Path, answer.Status, status, answer.Body)
	}
	if out != nil {
		if err := json.Unmarshal(answer.Body, out); err != nil {
			f.t.Fatalf("%s %s: %v: %s", in.Method, in.Path, err, answer.Body)
		}
	}
	return answer
}

// AssertProblem fails the test unless the answer is a problem of the kind (RFC 9457) that names each of the fields.
func (a Answer) AssertProblem(t testing.TB, kind fault.Kind, fields ...string) {
	t.Helper()
	var problem httpapi.Problem
	if err := json.Unmarshal(a.Body, &problem); err != nil {
		t.Fatalf("status %d with no problem: %s", a.Status, a.Body)
	}
	if a.Status != kind.Status() || problem.Type != httpapi.ProblemType+string(kind) || problem.Instance == "" {
		t.Errorf("status %d, want %s: %s", a.Status, kind, a.Body)
	}
	if contentType := a.Header.Get("Content-Type"); contentType != "application/problem+json" {
		t.Errorf("it is answered as %s", contentType)
	}
	for _, field := range fields {
		if !slices.ContainsFunc(problem.Errors, func(f fault.FieldError) bool { return f.Field == field }) {
			t.Errorf("the problem does not name the field %q: %s", field, a.Body)
		}
	}
}
