package e2etest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Data returns the path of a file of testdata.
func Data(name string) string { return filepath.Join("..", "testdata", name) }

// Content returns the content of a file of testdata.
func Content(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(Data(name))
	Must(t, err)
	return text
}

// Large writes a model of three chunks that computes what digits.onnx does, and returns its path. Each number n makes a different file.
func (u *User) Large(n int) string {
	u.Helper()
	return u.Padded(n, 20<<20)
}

// Padded is Large for a file that is longer than digits.onnx by padding bytes.
func (u *User) Padded(n, padding int) string {
	u.Helper()
	const docString = 6<<3 | 2 // ModelProto.doc_string, a field of bytes: the last one counts
	file := append(Content(u.TB, "digits.onnx"), docString)
	file = binary.AppendUvarint(file, uint64(padding))
	file = append(file, bytes.Repeat([]byte{byte('a' + n%26)}, padding)...)
	path := filepath.Join(u.home, fmt.Sprintf("%d.onnx", n))
	Must(u.TB, os.WriteFile(path, file, 0o600))
	return path
}

// SlowRequest returns a request for slow.onnx that takes so many steps; a thousand take about a second.
func SlowRequest(steps int) []byte {
	const side = 256
	var text bytes.Buffer
	fmt.Fprintf(&text, `{"inputs":[{"name":"steps","shape":[1],"datatype":"INT64","data":[%d]},`, steps)
	fmt.Fprintf(&text, `{"name":"start","shape":[%d,%d],"datatype":"FP32","data":[1`, side, side)
	text.Write(bytes.Repeat([]byte(",1"), side*side-1))
	text.WriteString(`]}]}`)
	return text.Bytes()
}

// Publish pushes a file of testdata as version 1.0.0 of the model with the name, and publishes it. It returns the path of calls to the model.
func (u *User) Publish(name, file string) string {
	u.Helper()
	u.Maas("push", u.Of(name)+"@1.0.0", Data(file)).Ends(0, "verified")
	u.Maas("publish", u.Of(name)+"@1.0.0").Ends(0, "latest")
	return "/v2/models/" + u.Of(name) + "/infer"
}
