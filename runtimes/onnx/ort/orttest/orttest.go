// Package orttest gives tests the real ONNX Runtime and the models of runtimes/onnx/testdata.
package orttest

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/17882237881/MaaS/runtimes/onnx/ort"
)

// Open loads a model of testdata by its file name, in a library that Load finds; `make test` fetches one beforehand.
func Open(t testing.TB, file string) *ort.Session {
	t.Helper()
	library, err := ort.Load("")
	if err != nil {
		t.Fatal(err)
	}
	session, err := library.Open(Path(file), ort.Config{Device: ort.CPU})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	return session
}

// Path is where a file of testdata lies.
func Path(file string) string {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		panic("orttest: built without file names")
	}
	return filepath.Join(filepath.Dir(here), "..", "..", "testdata", file)
}
