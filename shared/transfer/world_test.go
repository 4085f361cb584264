package transfer_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/shared/transfertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a small ONNX file.
func model(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("../formats/testdata/digits.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// large is an ONNX file of three chunks.
func large(t testing.TB) []byte {
	t.Helper()
	return transfertest.Padded(model(t), 20<<20)
}
