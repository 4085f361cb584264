package push

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

// lay writes a folder of files, each with its path for its bytes.
func lay(t *testing.T, paths ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, path := range paths {
		name := filepath.Join(folder, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// pathsOf returns the paths in the version of what is pushed for a name.
func pathsOf(t *testing.T, name string) []string {
	t.Helper()
	items, err := Items(name)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, item := range items {
		paths = append(paths, string(item.Path))
	}
	return paths
}

func TestAFolderIsPushedWithItsPaths(t *testing.T) {
	t.Parallel()
	folder := lay(t, "config.json", "onnx/model.onnx", ".git/config", ".gitattributes", ".cache/huggingface/x", "sub/.git/HEAD", "sub/.cache/x")
	if got, want := pathsOf(t, folder), []string{"config.json", "onnx/model.onnx"}; !slices.Equal(got, want) {
		t.Errorf("pushed are %v, want %v", got, want)
	}
}

func TestWhatMaasignoreListsIsLeftOut(t *testing.T) {
	t.Parallel()
	folder := lay(t, "model.onnx", "a.tmp", "logs/a.txt", "logs/keep.txt", "deep/b.tmp", "data/x.bin", "data/sub/y.bin")
	ignored := "# what training leaves\n**/*.tmp\nlogs/*\n!logs/keep.txt\ndata\n"
	if err := os.WriteFile(filepath.Join(folder, ignoreFile), []byte(ignored), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := pathsOf(t, folder), []string{"logs/keep.txt", "model.onnx"}; !slices.Equal(got, want) {
		t.Errorf("pushed are %v, want %v", got, want)
	}
}

func TestALinkWithinTheFolderIsPushedAsAFile(t *testing.T) {
	t.Parallel()
	folder := lay(t, "blobs/model")
	if err := os.Symlink("blobs/model", filepath.Join(folder, "model.onnx")); err != nil {
		t.Fatal(err)
	}
	if got, want := pathsOf(t, folder), []string{"blobs/model", "model.onnx"}; !slices.Equal(got, want) {
		t.Errorf("pushed are %v, want %v", got, want)
	}
}

func TestWhatCannotBePushedOfAFolderIsNamed(t *testing.T) {
	t.Parallel()
	outside := write(t, text)
	link := func(target string) func(string) error {
		return func(name string) error { return os.Symlink(target, name) }
	}
	for want, spoil := range map[string]func(name string) error{
		"/odd is a link that leaves the folder: put the file itself there, or list it in .maasignore.": link(outside),
		"/odd is a link that leaves the folder":                                                        link("../../etc/passwd"),
		"/odd is a link to a folder":                                                                   link("sub"),
		"There is no file ":                                                                            link("nowhere"),
		"/odd is empty: a file has 1 byte or more.":                                                    func(name string) error { return os.WriteFile(name, nil, 0o600) },
		"/.maasignore is not a regular file":                                                           func(name string) error { return syscall.Mkfifo(filepath.Dir(name)+"/"+ignoreFile, 0o600) },
		"/o\ndd cannot have this path in a version: ":                                                  func(name string) error { return os.WriteFile(filepath.Dir(name)+"/o\ndd", []byte("x"), 0o600) },
		"cannot be read: ":                                                                             func(name string) error { return os.WriteFile(filepath.Dir(name)+"/"+ignoreFile, []byte("[a\n"), 0o600) },
		"has 1001 files; a version has at most 1000. List":                                             many,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			folder := lay(t, "sub/x")
			if err := spoil(filepath.Join(folder, "odd")); err != nil {
				t.Fatal(err)
			}
			_, err := Items(folder)
			faulttest.AssertKind(t, err, fault.Invalid)
			if said := fault.From(err).Message; !strings.Contains(said, want) {
				t.Errorf("it says %q", said)
			}
		})
	}
	_, err := Items(t.TempDir())
	faulttest.AssertKind(t, err, fault.Invalid)
}

// many writes 1,000 files beside the name.
func many(name string) error {
	for i := range 1000 {
		if err := os.WriteFile(fmt.Sprintf("%s%d", name, i), []byte("x"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// named returns what is pushed for a file by its own name.
func named(name string) Item { return Item{Name: name, Path: ref.Path(filepath.Base(name))} }

func TestALinkThatIsChangedMeanwhileDoesNotLeaveTheFolder(t *testing.T) {
	t.Parallel()
	folder := lay(t, "a")
	link := filepath.Join(folder, "b")
	if err := os.Symlink("a", link); err != nil {
		t.Fatal(err)
	}
	items, err := Items(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(link), os.Symlink(write(t, text), link)); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	p, _ := s.pusher(t)

	_, err = p.File(t.Context(), items[1])

	faulttest.AssertKind(t, err, fault.Invalid)
	if len(s.uploads) != 0 {
		t.Errorf("%d uploads were begun", len(s.uploads))
	}
}
