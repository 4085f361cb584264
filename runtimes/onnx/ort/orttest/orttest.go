// Package orttest gives tests the real ONNX Runtime and the models of runtimes/onnx/testdata.
package orttest

import (
	"os"
	"path/filepath"
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

// Path returns the absolute path of a file of the module's testdata, for a test that runs in a folder of the module.
func Path(file string) string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "testdata", file)
		}
		if folder == filepath.Dir(folder) {
			panic("orttest: no module has the working directory")
		}
		folder = filepath.Dir(folder)
	}
}
