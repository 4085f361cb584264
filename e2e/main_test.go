package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// the is what all journeys share: it is set before the first test begins.
var the struct {
	programs string // the folder of maas and maas-onnx
	scratch  string // a folder that goes with the tests
}

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	flag.Parse()
	if err := flag.Set("test.parallel", "5"); err != nil { // they wait for processes more than they compute
		return 1, err
	}
	if the.programs, err = programs(); err != nil {
		return 1, err
	}
	if the.scratch, err = os.MkdirTemp("", "maas-e2e-"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(the.scratch) }()
	status = m.Run()
	if shared.host != nil {
		shared.host.stop()
	}
	return status, nil
}

func programs() (string, error) {
	folder := os.Getenv("MAAS_PROGRAMS")
	if folder == "" {
		folder = "../bin"
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"maas", "maas-onnx"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return "", fmt.Errorf("run `make build` first: %w", err)
		}
	}
	return folder, nil
}

// shared is the host of all journeys, started by the first that needs it.
var shared struct {
	once sync.Once
	host *host // nil for one that runs already
	url  string
	err  error
}

// server gives the address of the host that the journeys go against.
func server(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() {
		if shared.url = os.Getenv("MAAS_SERVER"); shared.url != "" {
			return
		}
		shared.host = newHost(filepath.Join(the.scratch, "shared"))
		if shared.err = shared.host.start(); shared.err == nil {
			shared.url = shared.host.url
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.url
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, patience time.Duration, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
