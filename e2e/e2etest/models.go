package e2etest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Data gives the path of a file of testdata.
func Data(name string) string { return filepath.Join("..", "testdata", name) }

// Content gives a file of testdata.
func Content(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(Data(name))
	Must(t, err)
	return text
}

// Large writes a model of three chunks that computes what digits.onnx does, and is another file for each number. It gives its path.
func (u *User) Large(n int) string {
	u.Helper()
	return u.Padded(n, 20<<20)
}

// Padded is Large with so many more bytes than digits.onnx.
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
