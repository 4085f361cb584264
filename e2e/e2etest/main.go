package e2etest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Run runs a package's tests, up to atOnce at a time, and returns their exit status. It fails if `make build` has not built the programs.
func Run(m *testing.M, atOnce int) (status int, err error) {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		return 1, err
	}
	for _, name := range []string{"maas", "maas-onnx"} {
		if _, err := os.Stat(program(name)); err != nil {
			return 1, fmt.Errorf("run `make build` first: %w", err)
		}
	}
	return m.Run(), nil
}

// program returns the path of one of the project's programs: in MAAS_PROGRAMS, or else in bin.
func program(name string) string {
	folder := os.Getenv("MAAS_PROGRAMS")
	if folder == "" {
		folder = filepath.Join("..", "..", "bin")
	}
	return filepath.Join(folder, name)
}

// Folder creates a folder with a path short enough for Unix sockets in it. It is removed when the test ends.
func Folder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "maas-e2e-") //nolint:usetesting // t.TempDir's is too long
	Must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Eventually calls yes until it returns true. If that takes longer than the patience, it ends the test with the text what.
func Eventually(t testing.TB, what string, patience time.Duration, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
