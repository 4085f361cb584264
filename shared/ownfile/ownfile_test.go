package ownfile_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/17882237881/MaaS/shared/ownfile"
)

// planted is what may stand where a file of ours should be.
var planted = map[string]func(name, victim string) error{
	"a symbolic link": func(name, victim string) error { return os.Symlink(filepath.Base(victim), name) },
	"a hard link":     func(name, victim string) error { return os.Link(victim, name) },
	"a dangling link": func(name, _ string) error { return os.Symlink("nothing", name) },
	"a pipe":          func(name, _ string) error { return syscall.Mkfifo(name, 0o600) },
	"a folder":        func(name, _ string) error { return os.Mkdir(name, 0o700) },
}

func TestNothingThatStandsThereIsWrittenThrough(t *testing.T) {
	t.Parallel()
	for what, plant := range planted {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			victim := filepath.Join(folder, "victim")
			must(t, os.WriteFile(victim, []byte("good"), 0o600))
			must(t, plant(filepath.Join(folder, "own"), victim))

			file := open(t, folder)
			if _, err := file.WriteString("ours, and longer"); err != nil {
				t.Fatal(err)
			}

			if text, err := os.ReadFile(victim); err != nil || string(text) != "good" {
				t.Errorf("the other file is %q, %v", text, err)
			}
			if info, err := os.Lstat(filepath.Join(folder, "own")); err != nil || !info.Mode().IsRegular() {
				t.Errorf("there is %v, %v", info, err)
			}
			if _, err := os.Lstat(filepath.Join(folder, "nothing")); err == nil {
				t.Error("the link was followed")
			}
		})
	}
}

func TestAFileOfOursIsOpenedAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := open(t, folder)
	if _, err := first.WriteString("begun"); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 10)
	if n, _ := open(t, folder).Read(text); string(text[:n]) != "begun" {
		t.Errorf("it has %q", text[:n])
	}
}

func TestALockIsHeldOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, second := open(t, folder), open(t, folder)
	if held, err := ownfile.Lock(first); !held || err != nil {
		t.Fatalf("the first: %v, %v", held, err)
	}
	if held, err := ownfile.Lock(second); held || err != nil {
		t.Errorf("the second: %v, %v", held, err)
	}
	must(t, first.Close())
	if held, err := ownfile.Lock(second); !held || err != nil {
		t.Errorf("the second, later: %v, %v", held, err)
	}
}

func TestAFileThatGotAnotherNameIsNotNamedAnyMore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	root := openRoot(t, folder)
	file := open(t, folder)
	if named, err := ownfile.Named(root, file, "own"); !named || err != nil {
		t.Errorf("%v, %v", named, err)
	}
	must(t, os.Link(filepath.Join(folder, "own"), filepath.Join(folder, "done")))
	if named, err := ownfile.Named(root, file, "own"); named || err != nil {
		t.Errorf("with a second name: %v, %v", named, err)
	}
	must(t, os.Remove(filepath.Join(folder, "own")))
	if named, err := ownfile.Named(root, file, "own"); named || err != nil {
		t.Errorf("without its name: %v, %v", named, err)
	}
}

func open(t *testing.T, folder string) *os.File {
	t.Helper()
	file, err := ownfile.Open(openRoot(t, folder), "own", 0o600)
	must(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func openRoot(t *testing.T, folder string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(folder)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
