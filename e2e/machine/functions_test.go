package machine

import (
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/identitytest"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// TestEachFunctionRunsByItself starts each function as its own process, as its container does: it becomes ready, answers, and ends cleanly.
func TestEachFunctionRunsByItself(t *testing.T) {
	t.Parallel()
	folder := built(t)
	w := identitytest.New(t)
	vars := maps.Clone(w.Vars)
	maps.Copy(vars, objectstest.Environment(t))
	vars["METRICS_ADDRESS"] = "off"
	f := fleet{t, folder, vars, map[string]*process{}}
	vars["MAAS_REGISTRY_URL"] = f.begin("models").url // infer asks them at its start
	vars["MAAS_IDENTITY_URL"] = f.begin("api-keys").url
	vars["MAAS_METER_URL"] = f.begin("meter-usage").url
	for _, name := range names(t) {
		if f.running[name] == nil {
			f.begin(name)
		}
	}

	var all sync.WaitGroup
	for name, p := range f.running {
		all.Go(func() {
			p.answers(t, "/health/readiness", http.StatusOK)
			p.answers(t, "/health/liveness", http.StatusOK)
			p.asked(t, firstRoute(t, name))
		})
	}
	all.Wait()
	for _, p := range f.running {
		all.Go(func() { p.ends(t) })
	}
	all.Wait()
}

// names returns the functions by their folders.
func names(t *testing.T) []string {
	t.Helper()
	mains, err := filepath.Glob("../../functions/*/cmd/*")
	e2etest.Must(t, err)
	all := make([]string, len(mains))
	for i, path := range mains {
		all[i] = filepath.Base(path)
	}
	if len(all) == 0 {
		t.Fatal("there are no functions")
	}
	return all
}

// built returns a folder with the functions' programs.
func built(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	arguments := []string{"build", "-ldflags", "-s -w", "-o", folder + "/"}
	for _, name := range names(t) {
		arguments = append(arguments, "./functions/"+name+"/cmd/"+name)
	}
	cmd := exec.CommandContext(t.Context(), "go", arguments...)
	cmd.Dir = "../.."
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	return folder
}

// fleet are functions that run as processes of their own.
type fleet struct {
	*testing.T

	folder  string
	vars    map[string]string
	running map[string]*process
}

// process is one of them.
type process struct {
	name, url string
	cmd       *exec.Cmd
	log       e2etest.Log
}

func (f fleet) begin(name string) *process {
	f.Helper()
	address := e2etest.FreeAddress()
	p := &process{name: name, url: "http://" + address, cmd: exec.CommandContext(context.Background(), filepath.Join(f.folder, name))}
	p.cmd.Env = append(e2etest.Machine(), "LISTEN_ADDRESS="+address)
	for variable, value := range f.vars {
		p.cmd.Env = append(p.cmd.Env, variable+"="+value)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	e2etest.Must(f.T, p.cmd.Start())
	f.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended, unless the test failed
	f.running[name] = p
	return p
}

// answers waits until a GET has the status.
func (p *process) answers(t *testing.T, path string, status int) {
	t.Helper()
	last := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(p.url + path)
		if err != nil {
			last = err.Error()
			continue
		}
		_ = answer.Body.Close()
		if last = answer.Status; answer.StatusCode == status {
			return
		}
	}
	t.Errorf("%s: GET %s: %s, want %d\n%s", p.name, path, last, status, p.log.String())
}

// firstRoute returns the one that the function is asked by.
func firstRoute(t *testing.T, function string) httpapi.Route {
	t.Helper()
	for _, route := range httpapi.Routes() {
		if route.Function == function {
			return route
		}
	}
	t.Fatalf("function %s has no route", function)
	return httpapi.Route{}
}

// asked sends the route a request that is refused, or takes nothing: an answer shows that the function has what it needs.
func (p *process) asked(t *testing.T, route httpapi.Route) {
	t.Helper()
	method, path, _ := strings.Cut(route.Pattern, " ")
	answer := functiontest.At(t, p.url, nil).Do(functiontest.Request{Method: method, Path: path, Body: map[bool]string{true: "{}"}[method != "GET"]})
	want := http.StatusUnauthorized
	switch {
	case route.Events:
		want = http.StatusUnprocessableEntity // {} is no event
	case route.Permission == api.Public && method == "GET":
		want = http.StatusOK
	case route.Permission == api.Public:
		want = http.StatusBadRequest
	}
	if answer.Status != want {
		t.Errorf("%s: %s is answered %d, want %d: %s\n%s", p.name, route.Pattern, answer.Status, want, answer.Body, p.log.String())
	}
}

// ends asks the process to end, as Kubernetes does.
func (p *process) ends(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // Wait tells
	over := time.AfterFunc(15*time.Second, func() { _ = p.cmd.Process.Signal(os.Kill) })
	defer over.Stop()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%s after SIGTERM: %v\n%s", p.name, err, p.log.String())
	}
}
