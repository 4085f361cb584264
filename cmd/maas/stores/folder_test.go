package stores

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestAFolderThatOthersCanWriteToIsNotHeld(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	must(t, os.Chmod(path, 0o777))

	_, err := Hold(path, "a test")

	faulttest.AssertKind(t, err, fault.Forbidden)
	if !strings.Contains(err.Error(), "chmod go-w "+path) {
		t.Errorf("it does not say what to do: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(path, "lock")); err == nil {
		t.Error("something was written to the folder")
	}
}

func TestALinkInThePlaceOfTheLockIsNotWrittenThrough(t *testing.T) {
	t.Parallel()
	path, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	must(t, os.WriteFile(victim, []byte("somebody's"), 0o600))
	must(t, os.Symlink(victim, filepath.Join(path, "lock")))

	folder, err := Hold(path, "a test")
	must(t, err)
	must(t, folder.Close())

	if text, err := os.ReadFile(victim); err != nil || string(text) != "somebody's" {
		t.Errorf("the linked file is %q, %v", text, err)
	}
}

func TestFoldersWithinThatOthersCanWriteToAreRefused(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	must(t, os.Mkdir(filepath.Join(path, "keys"), 0o700))
	must(t, os.Chmod(filepath.Join(path, "keys"), 0o777))
	open := filepath.Join(t.TempDir(), "open")
	must(t, os.Mkdir(open, 0o700))
	must(t, os.Chmod(open, 0o777))
	must(t, os.Symlink(open, filepath.Join(path, "models")))
	folder, err := Hold(path, "a test")
	must(t, err)
	t.Cleanup(func() { must(t, folder.Close()) })

	for _, name := range []string{"keys", "models"} {
		_, err := folder.Sub(name)
		faulttest.AssertKind(t, err, fault.Forbidden)
	}
}
