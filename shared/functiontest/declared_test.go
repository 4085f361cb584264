package functiontest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

func TestAKindThatARouteDoesNotDeclareFailsTheTest(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := fault.Kind(r.Header.Get("Answer"))
		if strings.Contains(r.URL.Path, "Service/") {
			w.Header().Set(fault.KindHeader, string(kind))
			return
		}
		httpapi.WriteProblem(w, r, fault.New(kind, "A test."))
	}))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		method, path string
		kind         fault.Kind
		declared     bool
	}{
		{"GET", "/v1/models", fault.Forbidden, true},
		{"GET", "/v1/models", fault.Unavailable, true}, // as any route
		{"GET", "/v1/models", fault.Conflict, false},
		{"GET", "/v1/models/acme/fraud", fault.NotFound, true},
		{"PATCH", "/v1/models/acme/fraud", fault.Conflict, false},
		{"POST", "/maas.v1.ModelService/GetModel", fault.NotFound, true},
		{"POST", "/maas.v1.ModelService/GetModel", fault.Conflict, false},
		{"POST", "/maas.v1.ModelService/Resolve", fault.Conflict, true}, // which the public listener does not have
		{"GET", "/nothing", fault.NotFound, true},                       // which no route answers
	} {
		seen := &witness{TB: t}
		answer := functiontest.At(seen, server.URL, nil).Do(functiontest.Request{
			Method: test.method, Path: test.path, Header: map[string]string{"Answer": string(test.kind)},
		})
		if len(seen.said) == 0 != test.declared || answer.Kind() != test.kind {
			t.Errorf("%s %s answers %s, read as %q: the test is told %q", test.method, test.path, test.kind, answer.Kind(), seen.said)
		}
	}
}

// witness hears what fails.
type witness struct {
	testing.TB

	said []string
}

// Errorf implements testing.TB.
func (w *witness) Errorf(format string, values ...any) {
	w.said = append(w.said, fmt.Sprintf(format, values...))
}
