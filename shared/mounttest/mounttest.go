// Package mounttest mounts files as kubelet mounts Secrets and ConfigMaps: each is a link into a folder, to which a link points that is
// exchanged when the files change.
package mounttest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Mount is a folder of mounted files.
type Mount struct {
	t       testing.TB
	folder  string
	version int
}

// New mounts the files, whose contents are given by name. They are removed when the test ends.
func New(t testing.TB, files map[string]string) *Mount {
	t.Helper()
	m := &Mount{t: t, folder: t.TempDir()}
	for name := range files {
		m.must(os.Symlink(filepath.Join("..data", name), m.Path(name)))
	}
	m.Replace(files)
	return m
}

// Path returns the path of the file with the name.
func (m *Mount) Path(name string) string { return filepath.Join(m.folder, name) }

// Replace replaces the contents of the files, by name, all at once, as k8s.io/kubernetes/pkg/volume/util/atomic_writer.go does. Files that are not
// given are gone.
func (m *Mount) Replace(files map[string]string) {
	m.t.Helper()
	link := m.Path("..data")
	former, _ := os.Readlink(link) // "" the first time
	m.version++
	folder := "..version_" + strconv.Itoa(m.version)
	m.must(os.Mkdir(m.Path(folder), 0o700))
	for name, content := range files {
		m.must(os.WriteFile(filepath.Join(m.Path(folder), name), []byte(content), 0o600))
	}
	m.must(os.Symlink(folder, link+"_tmp"))
	m.must(os.Rename(link+"_tmp", link))
	if former != "" {
		m.must(os.RemoveAll(m.Path(former)))
	}
}

// must ends the test on an error.
func (m *Mount) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}
