package ownfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadOrCreate reads the file at path as Read does. If there is no file, it first creates one of mode 0600 with what content returns.
// The file is never seen half-written, and it is created once: processes that create it at the same time all return the content of the
// first. Where the file system has no hard links the last one wins, and another may have returned its own content before. It returns
// the error of content, and then creates nothing.
func ReadOrCreate(path string, content func() ([]byte, error)) ([]byte, error) {
	text, err := Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if text, err = content(); err != nil {
		return nil, err
	}
	if err := create(path, text); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return Read(path)
}

// create creates the file with its whole text, unless there is one.
func create(path string, text []byte) (err error) {
	draft, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(draft.Name()); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	_, err = draft.Write(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err = os.Link(draft.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(draft.Name(), path) // the file system has no hard links
}
