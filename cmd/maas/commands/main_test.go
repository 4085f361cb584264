package commands

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// shell runs commands against a server, in an environment of their own.
type shell struct {
	t     *testing.T
	vars  map[string]string
	stdin string
}

// outcome is what a command left behind.
type outcome struct {
	status         int
	stdout, stderr string
}

// serving returns a shell whose server answers routes ("GET /v1/models") with values as JSON; a value that is a func is the handler.
func serving(t *testing.T, routes map[string]any) *shell {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, value := range routes {
		handler, ok := value.(func(http.ResponseWriter, *http.Request))
		if !ok {
			handler = func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(value) }
		}
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &shell{t: t, vars: map[string]string{"MAAS_SERVER": server.URL, "MAAS_CONFIG_DIR": t.TempDir(), "MAAS_TOKEN": "t"}}
}

func (s *shell) run(arguments ...string) outcome {
	s.t.Helper()
	root := &cobra.Command{Use: "maas", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(Maker{Getenv: func(name string) string { return s.vars[name] }}.All()...)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return Usage(err) })
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetIn(strings.NewReader(s.stdin))
	root.SetArgs(arguments)
	err := root.ExecuteContext(s.t.Context())
	if err != nil {
		stderr.WriteString(Explain(err))
	}
	return outcome{Status(err), stdout.String(), stderr.String()}
}

// must runs a command that succeeds and returns what it printed.
func (s *shell) must(arguments ...string) string {
	s.t.Helper()
	got := s.run(arguments...)
	if got.status != 0 {
		s.t.Fatalf("%v: %+v", arguments, got)
	}
	return got.stdout
}
