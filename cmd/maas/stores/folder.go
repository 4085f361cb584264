package stores

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/ownfile"
)

// Folder is the data folder of one installation, held by this process: nobody else can Hold it until Close, or until this process
// ends, whatever ends it.
type Folder struct {
	// Path is absolute.
	Path string

	lock      *os.File
	temporary bool
}

// Hold locks a data folder for this process, and creates it (mode 0700) if need be. It fails with Conflict if another process has locked it,
// and with Forbidden if another user could change what is in it. holder, such as "maas up", is what another process's Conflict calls this one.
func Hold(path, holder string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := trust(path); err != nil {
		return nil, err
	}
	lock, err := openLock(path)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if held, err := ownfile.Lock(lock); err != nil || !held {
		return nil, errors.Join(taken(lock, path, err), lock.Close())
	}
	note := fmt.Sprintf("%s (pid %d)", holder, os.Getpid())
	if err := rewrite(lock, note); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder: %w", err), lock.Close())
	}
	return &Folder{Path: path, lock: lock}, nil
}

// HoldTemporary creates and locks a folder that Close deletes. It also deletes those that killed processes left behind.
func HoldTemporary(holder string) (*Folder, error) {
	const pattern = "maas-tmp-"
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), pattern+"*")) // the pattern is well-formed
	for _, path := range left {
		removeIfFree(path)
	}
	path, err := os.MkdirTemp("", pattern)
	if err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	f, err := Hold(path, holder)
	if err != nil {
		return nil, err
	}
	f.temporary = true
	return f, nil
}

// openLock opens the folder's lock file, and creates it if need be. It follows no link.
func openLock(path string) (*os.File, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // nothing is written to it
	return ownfile.Open(root, "lock", 0o600)
}

// trust fails with Forbidden if another user could change what is in a folder.
func trust(path string) error {
	if err := ownfile.Trust(path); err != nil {
		return fault.New(fault.Forbidden, "The data folder is not safe from other users: "+err.Error()+".", fault.Cause(err))
	}
	return nil
}

// Sub returns the path of a subfolder, which it creates with mode 0700 if it does not exist. It fails with Forbidden if
// another user could change what is in the subfolder.
func (f *Folder) Sub(name string) (string, error) {
	path := filepath.Join(f.Path, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return path, trust(path)
}

// Close unlocks the folder, and deletes it if it is temporary.
func (f *Folder) Close() error {
	var err error
	if f.temporary {
		err = os.RemoveAll(f.Path)
	}
	return errors.Join(err, f.lock.Close())
}

// taken returns the error for a folder that could not be locked: err if it is not nil, else a Conflict that names the process which has the
// lock.
func taken(lock *os.File, path string, err error) error {
	if err != nil {
		return fmt.Errorf("lock the data folder %s: %w", path, err)
	}
	note, _ := io.ReadAll(io.LimitReader(lock, 200)) // without it, the message still says what matters
	holder := strings.TrimSpace(string(note))
	if holder == "" {
		holder = "maas"
	}
	return fault.New(fault.Conflict, fmt.Sprintf("another %s uses %s", holder, path))
}

// rewrite replaces the content of an open file with the text and a line break.
func rewrite(f *os.File, text string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(text+"\n"), 0)
	return err
}

// removeIfFree deletes a temporary folder of this user's that no process has locked. Failures are ignored.
func removeIfFree(path string) {
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return // another user's, or being made
	}
	defer func() { _ = lock.Close() }() // nothing is written to it
	if held, err := ownfile.Lock(lock); err != nil || !held {
		return
	}
	if info, err := lock.Stat(); err == nil && info.Size() > 0 { // without the holder's note it is being taken just now
		_ = os.RemoveAll(path) // what cannot be removed stays for the next time
	}
}
