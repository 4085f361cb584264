package push

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
)

// ignoreFile lists, in a folder that is pushed, what is left out, in the form of .dockerignore (docs.docker.com, .dockerignore files).
const ignoreFile = ".maasignore"

// ignoredAlways is what is left out of each folder: what git and download tools keep for themselves, and ignoreFile.
var ignoredAlways = []string{"**/.git", "**/.gitignore", "**/.gitattributes", "**/.cache", ignoreFile}

// Item is a file to push.
type Item struct {
	Name   string   // where it is
	Path   ref.Path // in the version
	folder string   // that it was found in, and must not lead out of when it is opened; "" for a file that was named itself
}

// open opens the file. It fails with Invalid for what cannot be pushed.
func (i Item) open() (file, error) {
	if i.folder == "" {
		return openFile(i.Name)
	}
	within, err := filepath.Rel(i.folder, i.Name)
	if err != nil {
		return file{}, unreadable(i.Name, err)
	}
	root, err := os.OpenRoot(i.folder)
	if err != nil {
		return file{}, unreadable(i.Name, err)
	}
	defer func() { _ = root.Close() }() // only read from
	return openWith(i.Name, func() (os.FileInfo, error) { return root.Stat(within) }, func() (*os.File, error) { return root.Open(within) })
}

// Items returns the files to push for a name: the file itself, or for a folder the files below it, by path. Those that .maasignore names are left
// out.
//
// It fails with Invalid for what cannot be pushed, such as an empty file or a link that leaves the folder, and if a version cannot have so many files.
func Items(name string) ([]Item, error) {
	if about, err := os.Stat(name); err != nil || !about.IsDir() {
		return []Item{{Name: name, Path: ref.Path(filepath.Base(name))}}, checkFile(name)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	defer func() { _ = root.Close() }() // only read from
	f := &folder{name: name, root: root}
	if f.ignored, err = readIgnored(root, name); err != nil {
		return nil, err
	}
	if err := fs.WalkDir(root.FS(), ".", f.look); err != nil {
		return nil, err
	}
	switch {
	case len(f.items) == 0:
		return nil, invalid(name + " is a folder without a file to push.")
	case len(f.items) > api.MaxFiles:
		return nil, invalid(fmt.Sprintf("%s has %d files; a version has at most %d. List those that it can do without in %s.",
			name, len(f.items), api.MaxFiles, filepath.Join(name, ignoreFile)))
	}
	slices.SortFunc(f.items, func(a, b Item) int { return cmp.Compare(a.Path, b.Path) })
	return f.items, nil
}

// folder gathers the files of a folder.
type folder struct {
	name    string
	root    *os.Root
	ignored *patternmatcher.PatternMatcher
	items   []Item
}

// maxIgnoreFile bounds a .maasignore, in bytes.
const maxIgnoreFile = 1 << 20

// readIgnored reads the folder's .maasignore, if there is one.
func readIgnored(root *os.Root, name string) (*patternmatcher.PatternMatcher, error) {
	patterns, at := slices.Clone(ignoredAlways), filepath.Join(name, ignoreFile)
	about, err := root.Stat(ignoreFile) // before it is opened: a pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, unreadable(at, err)
	case !about.Mode().IsRegular() || about.Size() > maxIgnoreFile:
		return nil, invalid(fmt.Sprintf("%s is not a regular file of %d bytes or less.", at, maxIgnoreFile))
	default:
		text, err := root.ReadFile(ignoreFile)
		if err != nil {
			return nil, unreadable(at, err)
		}
		own, err := ignorefile.ReadAll(bytes.NewReader(text))
		if err != nil {
			return nil, unreadable(at, err)
		}
		patterns = append(patterns, own...)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, invalid(fmt.Sprintf("%s cannot be read: %s.", at, err))
	}
	return matcher, nil
}

// look adds what lies at the path, unless it is ignored.
func (f *folder) look(at string, entry fs.DirEntry, err error) error {
	name := filepath.Join(f.name, filepath.FromSlash(at))
	if err != nil {
		return unreadable(name, err)
	}
	if at == "." {
		return nil
	}
	ignored, err := f.ignored.MatchesOrParentMatches(filepath.FromSlash(at))
	if err != nil {
		return invalid(fmt.Sprintf("%s cannot be matched with %s: %s.", name, ignoreFile, err))
	}
	switch {
	case entry.IsDir() && ignored && !f.ignored.Exclusions(): // with exceptions, what is below may be wanted
		return fs.SkipDir
	case entry.IsDir(), ignored:
		return nil
	}
	return f.add(at, name)
}

// add adds the file at a path, which may be a link to another file of the folder.
func (f *folder) add(at, name string) error {
	about, err := f.root.Stat(filepath.FromSlash(at))
	switch {
	case leaves(err):
		return invalid(name + " is a link that leaves the folder: put the file itself there, or list it in " + ignoreFile + ".")
	case err != nil:
		return unreadable(name, err)
	case about.IsDir():
		return invalid(name + " is a link to a folder: put the folder itself there, or list it in " + ignoreFile + ".")
	}
	if err := pushable(name, about); err != nil {
		return err
	}
	to, err := ref.ParsePath(path.Clean(at))
	if err != nil {
		return invalid(fmt.Sprintf("%s cannot have this path in a version: %s", name, err))
	}
	f.items = append(f.items, Item{Name: name, Path: to, folder: f.name})
	return nil
}

// leaves reports whether an error of os.Root says that a path leads out of it. os has no error of its own for that.
func leaves(err error) bool {
	refused, ok := errors.AsType[*fs.PathError](err)
	return ok && strings.Contains(refused.Err.Error(), "escapes")
}
