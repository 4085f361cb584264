package pull

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/ownfile"
)

const (
	// reserved begins the names of drafts, and of nothing else: no file of a version may have such a name. It is followed by the digest of the
	// whole file, by which a later run finds what an earlier one left, and by random characters.
	reserved = ".maas-pull-"
	// keptFor is how long a draft is kept that nobody continues.
	keptFor = 7 * 24 * time.Hour
	written = 0o644
)

// draft is a file that is not whole yet. It lies in the folder of the file that it becomes, and is locked by the process that writes it.
type draft struct {
	root   *os.Root
	file   *os.File
	name   string // of the draft
	target string
	wrong  bool // its bytes are of no use to a later run
}

// openDraft returns a locked draft of the file: one that an earlier run left, or a new one. Drafts that other processes are writing are left
// to them. It fails if the folder cannot be written to.
func openDraft(root *os.Root, f api.File) (*draft, error) {
	folder := path.Dir(string(f.Path))
	for _, name := range drafts(root, folder, f) {
		d, err := lockDraft(root, name, string(f.Path))
		if d != nil || err != nil {
			return d, err
		}
	}
	for {
		d, err := newDraft(root, folder, f)
		if d != nil || err != nil {
			return d, err
		}
	}
}

// newDraft creates a draft of the file under a random name and locks it. It returns nil, without an error, if another process has found and
// locked it first.
func newDraft(root *os.Root, folder string, f api.File) (*draft, error) {
	name := path.Join(folder, reserved+f.SHA256.String()+"-"+rand.Text())
	file, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, written)
	if err != nil {
		return nil, err
	}
	if held, err := ownfile.Lock(file); err == nil && !held {
		return nil, file.Close()
	}
	// On a file system without locks Lock fails, for other processes too: none of them takes it.
	return &draft{root: root, file: file, name: name, target: string(f.Path)}, nil
}

// lockDraft opens a draft by its name and locks it. It returns nil, without an error, if another process has locked it or it cannot be opened
// or locked.
func lockDraft(root *os.Root, name, target string) (*draft, error) {
	file, err := ownfile.Open(root, name, written)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a folder, perhaps: a new draft tells whether anything can be written
	}
	held, err := ownfile.Lock(file)
	if err == nil && held {
		held, err = ownfile.Named(root, file, name)
	}
	if err != nil || !held {
		return nil, file.Close()
	}
	return &draft{root: root, file: file, name: name, target: target}, nil
}

// drafts returns the names of the file's drafts in the folder, locked or not; none if the folder cannot be read. It removes drafts of other
// files that nobody has written for keptFor.
func drafts(root *os.Root, folder string, f api.File) []string {
	entries, err := fs.ReadDir(root.FS(), folder)
	if err != nil {
		return nil // whether the folder can be used is told by what is written to it
	}
	var names []string
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), reserved+f.SHA256.String()+"-"):
			names = append(names, name)
		case strings.HasPrefix(entry.Name(), reserved):
			discard(root, name, entry)
		}
	}
	return names
}

// discard removes a draft that was not written for keptFor, unless a process has locked it. Failures are ignored.
func discard(root *os.Root, name string, entry fs.DirEntry) {
	info, err := entry.Info()
	if err != nil || !ownfile.Alone(info) || time.Since(info.ModTime()) < keptFor {
		return
	}
	d, err := lockDraft(root, name, "")
	if err != nil || d == nil {
		return
	}
	_ = root.Remove(name) // it takes space, no more
	_ = d.file.Close()    // as above
}

// empty truncates the draft and moves its offset to the start.
func (d *draft) empty() error {
	_, err := d.file.Seek(0, io.SeekStart)
	return errors.Join(err, d.file.Truncate(0))
}

// place gives the draft's file its target's name. It fails with fs.ErrExist if there is something of that name already, and then marks the
// draft as of no more use.
func (d *draft) place() error {
	err := d.root.Link(d.name, d.target)
	if err == nil || errors.Is(err, fs.ErrExist) {
		d.wrong = true // the bytes have their name: that of the draft goes
		return err
	}
	// A file system without hard links.
	if _, err := d.root.Lstat(d.target); err == nil {
		d.wrong = true
		return fs.ErrExist
	}
	return d.root.Rename(d.name, d.target)
}

// close closes the draft's file, which unlocks it. It removes a draft that is empty or of no more use, and leaves any other for a later run.
func (d *draft) close() error {
	var err error
	if info, statErr := d.file.Stat(); d.wrong || statErr == nil && info.Size() == 0 {
		err = d.root.Remove(d.name)
	}
	return errors.Join(err, d.file.Close())
}
