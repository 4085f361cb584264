package ownfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/ownfile"
)

func TestAFolderThatOthersCouldChangeIsNotTrusted(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]struct {
		do   func(parent, folder string) error
		says string // "" where it is trusted
	}{
		"as it is made":       {func(_, _ string) error { return nil }, ""},
		"others may read":     {func(_, folder string) error { return os.Chmod(folder, 0o755) }, ""},
		"others may write":    {func(_, folder string) error { return os.Chmod(folder, 0o702) }, "chmod go-w"},
		"everybody may write": {func(_, folder string) error { return os.Chmod(folder, os.ModeSticky|0o777) }, "chmod go-w"},
		"the parent is open":  {func(parent, _ string) error { return os.Chmod(parent, 0o777) }, "chmod go-w"},
		"a sticky parent":     {func(parent, _ string) error { return os.Chmod(parent, os.ModeSticky|0o777) }, ""},
		"not a folder": {func(_, folder string) error {
			return os.Rename(folder, folder+"~")
		}, "no such file"},
		"a link of ours": {func(parent, folder string) error {
			elsewhere := filepath.Join(parent, "elsewhere")
			return firstError(os.Rename(folder, elsewhere), os.Symlink(elsewhere, folder))
		}, ""},
		"a link into an open folder": {func(parent, folder string) error {
			open := filepath.Join(parent, "open")
			return firstError(os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Rename(folder, filepath.Join(open, "x")), os.Symlink(filepath.Join(open, "x"), folder))
		}, "chmod go-w"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			folder := filepath.Join(parent, "data")
			must(t, os.Mkdir(folder, 0o700))
			must(t, change.do(parent, folder))

			err := ownfile.Trust(folder)

			if change.says == "" && err != nil || change.says != "" && (err == nil || !strings.Contains(err.Error(), change.says)) {
				t.Errorf("it says %v, want %q", err, change.says)
			}
		})
	}
}

func TestAFolderOfAnotherUserIsNotTrusted(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("left out: giving a folder away, which only root can")
		return
	}
	parent := t.TempDir()
	folder := filepath.Join(parent, "data")
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.Chown(folder, 65534, 65534))
	if err := ownfile.Trust(folder); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("the folder of another user: %v", err)
	}
	must(t, os.Chown(folder, 0, 0))
	must(t, os.Chown(parent, 65534, 65534))
	if err := ownfile.Trust(folder); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("a folder in that of another user: %v", err)
	}
}

func TestOnlyAFileOfOnesOwnIsRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	name := filepath.Join(folder, "key")
	must(t, os.WriteFile(name, []byte("good"), 0o600))
	if text, err := ownfile.Read(name); err != nil || string(text) != "good" {
		t.Errorf("read %q, %v", text, err)
	}
	must(t, os.Chmod(name, 0o606))
	if _, err := ownfile.Read(name); err == nil {
		t.Error("a file was read that others may write to")
	}
	must(t, os.Chmod(name, 0o600))
	link := filepath.Join(folder, "link")
	must(t, os.Symlink(name, link))
	if _, err := ownfile.Read(link); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("a link: %v", err)
	}
	if os.Geteuid() == 0 {
		must(t, os.Chown(name, 65534, 65534))
		if _, err := ownfile.Read(name); err == nil {
			t.Error("another user's file was read")
		}
	}
}

// firstError returns the first that is one.
func firstError(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
