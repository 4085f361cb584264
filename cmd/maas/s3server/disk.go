package s3server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/versity/versitygw/s3err"
)

// disk makes what was written survive a power cut.
type disk struct{ fast bool }

// file flushes an open file to the disk; it does nothing if d is fast. A full disk is an error of S3.
func (d disk) file(f *os.File) error {
	if d.fast {
		return nil
	}
	if err := f.Sync(); err != nil {
		return full(fmt.Errorf("flush: %w", err))
	}
	return nil
}

// full returns S3's error for a full disk if that is what err means, and err otherwise. versitygw wraps some of them, and would then answer
// 500.
func full(err error) error {
	known := s3err.GetAPIError(s3err.ErrNoSpaceLeftOnDevice)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, known) {
		return known
	}
	return err
}

// path flushes a file or a folder by its name. It does nothing if d is fast.
func (d disk) path(name string) error {
	if d.fast {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading
	return d.file(f)
}

// chain flushes a folder and those above it up to root, so that the names on the way last. Folders that another call removed
// meanwhile are passed over.
func (d disk) chain(root, folder string) error {
	for ; strings.HasPrefix(folder, root); folder = filepath.Dir(folder) {
		if err := d.path(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
