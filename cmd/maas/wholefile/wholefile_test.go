package wholefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/cmd/maas/wholefile"
)

func TestAWriteThatFailsLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := wholefile.Write(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(filepath.Join(path, "below-a-file"), []byte("two")); err == nil {
		t.Error("a file was written below a file")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "one" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

func TestAFileIsReplacedWholeAndIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	for _, text := range []string{"a longer text", "short"} {
		if err := wholefile.Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("the file is %q, %v", got, err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func TestWhatWasMadeOnceIsReadFromThenOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, made := range []string{"first", "second"} {
		text, err := wholefile.ReadOrMake(path, func() ([]byte, error) { return []byte(made), nil })
		if err != nil || string(text) != "first" {
			t.Errorf("the text is %q, %v", text, err)
		}
	}
}

func TestOfSeveralMakersAllGiveWhatTheFirstWrote(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	text, err := wholefile.ReadOrMake(path, func() ([]byte, error) {
		return []byte("slower"), wholefile.Write(path, []byte("faster")) // another process makes it meanwhile
	})
	if err != nil || string(text) != "faster" {
		t.Errorf("the text is %q, %v", text, err)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != "faster" {
		t.Errorf("the file is %q, %v", kept, err)
	}
}

func TestWhatACrashLeftGoesWithTheNextWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	left, fresh := filepath.Join(folder, ".draft-left"), filepath.Join(folder, ".draft-fresh")
	for _, name := range []string{left, fresh} {
		if err := os.WriteFile(name, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(left, long, long); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Write(filepath.Join(folder, "file"), []byte("text")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a crash left: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("what another process may be writing: %v", err)
	}
}

func TestNothingIsWrittenOfWhatCouldNotBeMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if _, err := wholefile.ReadOrMake(path, func() ([]byte, error) { return nil, os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}
