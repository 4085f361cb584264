package ownfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/shared/ownfile"
)

func TestAFileIsCreatedOnceAndReadAfterwards(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	for _, content := range []string{"first", "second"} {
		text, err := ownfile.ReadOrCreate(path, func() ([]byte, error) { return []byte(content), nil })
		if err != nil || string(text) != "first" {
			t.Errorf("the text is %q, %v", text, err)
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

func TestProcessesThatCreateAFileAtOnceReturnTheFirstContent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	text, err := ownfile.ReadOrCreate(path, func() ([]byte, error) {
		return []byte("slower"), os.WriteFile(path, []byte("faster"), 0o600) // another process creates it meanwhile
	})
	if err != nil || string(text) != "faster" {
		t.Errorf("the text is %q, %v", text, err)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != "faster" {
		t.Errorf("the file is %q, %v", kept, err)
	}
}

func TestNoFileIsCreatedWithoutContent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := ownfile.ReadOrCreate(filepath.Join(folder, "file"), func() ([]byte, error) { return nil, os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Errorf("err = %v", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestWriteMakesAFilePrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}

	if err := ownfile.Write(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info, err)
	}
	if text, err := ownfile.Read(path); err != nil || string(text) != "secret" {
		t.Errorf("it has %q, %v", text, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("the folder has %q", left)
	}
}
