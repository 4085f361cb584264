// Package wholefile keeps small files that must never be found half-written: keys, credentials, sessions, addresses.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/17882237881/MaaS/shared/ownfile"
)

// The names of drafts begin with draft, which is followed by random characters. One that is older than draftAge was left by a crash.
const (
	draft    = ".draft-"
	draftAge = time.Hour
)

// Write makes path a file of mode 0600 with the text, or leaves what is there: whatever ends the process or the machine meanwhile. Its
// folder must be there.
func Write(path string, text []byte) error {
	name, err := write(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(name, path); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(name))
	}
	return nil
}

// write writes the text to a draft beside path, and gives the draft's name.
func write(path string, text []byte) (name string, err error) {
	folder := filepath.Dir(path)
	tidy(folder)
	file, err := os.CreateTemp(folder, draft+"*") // a new file of mode 0600
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// tidy removes what crashes left. What cannot be removed takes space, no more.
func tidy(folder string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), draft) {
			continue
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > draftAge {
			_ = os.Remove(filepath.Join(folder, entry.Name()))
		}
	}
}

// ReadOrMake gives the file's text. Where there is no file it first writes one with what is made, so that every later call gives the same:
// of several processes that make it at once all give what the first wrote. It fails for a link, and for a file that is another user's or that others may write
// to (ownfile.Read).
func ReadOrMake(path string, content func() ([]byte, error)) ([]byte, error) {
	text, err := ownfile.Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if text, err = content(); err != nil {
		return nil, err
	}
	name, err := write(path, text)
	if err != nil {
		return nil, err
	}
	err = os.Link(name, path) // fails where there is a file now
	switch {
	case err == nil:
		return text, os.Remove(name)
	case errors.Is(err, fs.ErrExist):
		text, err = ownfile.Read(path)
		return text, errors.Join(err, os.Remove(name))
	}
	if err := os.Rename(name, path); err != nil { // a file system without hard links
		return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(name))
	}
	return text, nil
}
