//go:build !cluster

package field

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// A version's folder may hold anything: what a pull writes on the way must not be a file that somebody else has.
func TestPullReplacesNoFileThatItDoesNotBring(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	version, model := u.Of("digits")+"@1.0.0", e2etest.Content(t, "digits.onnx")
	u.Maas("push", version, e2etest.Data("digits.onnx")).Ends(0, "verified")

	folder := t.TempDir()
	mine := []byte("this is mine")
	put(t, filepath.Join(folder, "digits.onnx.part"), mine)
	u.Maas("pull", version, folder).Ends(0, "digits.onnx")
	assertFile(t, filepath.Join(folder, "digits.onnx"), model)
	assertFile(t, filepath.Join(folder, "digits.onnx.part"), mine)

	linked := t.TempDir()
	put(t, filepath.Join(linked, "notes"), mine)
	e2etest.Must(t, os.Symlink("notes", filepath.Join(linked, "digits.onnx.part")))
	u.Maas("pull", version, linked).Ends(0, "digits.onnx")
	assertFile(t, filepath.Join(linked, "digits.onnx"), model)
	assertFile(t, filepath.Join(linked, "notes"), mine)

	other := t.TempDir()
	put(t, filepath.Join(other, "digits.onnx"), mine)
	u.Maas("pull", version, other).Ends(5, "digits.onnx is there with other bytes")
	assertFile(t, filepath.Join(other, "digits.onnx"), mine)
	assertFolder(t, other, "digits.onnx")
}

func TestPullsIntoOneFolderAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	version, large := u.Of("digits")+"@1.0.0", u.Large(1)
	u.Maas("push", version, large).Ends(0, "verified")

	folder := t.TempDir()
	var pulls []<-chan e2etest.Said
	for range 4 {
		pulls = append(pulls, u.Meanwhile("pull", version, folder))
	}
	for _, pull := range pulls {
		(<-pull).Ends(0, "1.onnx")
	}
	content, err := os.ReadFile(large)
	e2etest.Must(t, err)
	assertFile(t, filepath.Join(folder, "1.onnx"), content)
	assertFolder(t, folder, "1.onnx")
}

// A pull that is killed leaves a part of the file, under a name of its own, and the next one takes it.
func TestAPullThatIsKilledIsContinued(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	version, large := u.Of("digits")+"@1.0.0", u.Large(2)
	u.Maas("push", version, large).Ends(0, "verified")

	folder := t.TempDir()
	killed := u.Begin("pull", version, folder)
	e2etest.Eventually(t, "something has come", u.Patience, func() bool { return size(t, folder) > 0 })
	_ = killed.Process.Kill() // it may be through already, which the next pull does not mind
	_ = killed.Wait()         // it was killed

	u.Maas("pull", version, folder).Ends(0, "2.onnx")
	content, err := os.ReadFile(large)
	e2etest.Must(t, err)
	assertFile(t, filepath.Join(folder, "2.onnx"), content)
	assertFolder(t, folder, "2.onnx")
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	e2etest.Must(t, os.WriteFile(path, content, 0o600))
}

func assertFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, %v; want %d", filepath.Base(path), len(got), err, len(want))
	}
}

// assertFolder fails unless the folder has these files alone.
func assertFolder(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	e2etest.Must(t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

// size is that of all files of a folder.
func size(t *testing.T, folder string) (sum int64) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	e2etest.Must(t, err)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
