package pull

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

// draftName is that of one that an earlier run left.
func (w *world) draftName(end string) string {
	return filepath.Join(w.folder, reserved+w.version.Files[0].SHA256.String()+"-"+end)
}

// leave makes a draft as an earlier run that was cut off left it.
func (w *world) leave(t *testing.T, text []byte) {
	t.Helper()
	must(t, os.WriteFile(w.draftName("LEFT"), text, 0o600))
}

// assertHolds fails unless the folder has these files alone.
func (w *world) assertHolds(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	entries, err := os.ReadDir(w.folder)
	must(t, err)
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestADraftIsNeverAnotherFileOfTheVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "w", content)
	must(t, os.WriteFile(filepath.Join(w.folder, "w.part"), []byte("good"), 0o600))
	must(t, w.pull(t))
	w.assertWhole(t)
	w.assertHolds(t, "w", "w.part")
	if text, err := os.ReadFile(filepath.Join(w.folder, "w.part")); err != nil || string(text) != "good" {
		t.Errorf("w.part is %q, %v", text, err)
	}
}

func TestWhatStandsInADraftsPlaceIsNotWrittenThrough(t *testing.T) {
	t.Parallel()
	for what, plant := range map[string]func(name, victim string) error{
		"a link":      func(name, victim string) error { return os.Symlink(filepath.Base(victim), name) },
		"a hard link": func(name, victim string) error { return os.Link(victim, name) },
		"a pipe":      func(name, _ string) error { return syscall.Mkfifo(name, 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a.onnx", content)
			victim := filepath.Join(w.folder, "victim")
			must(t, os.WriteFile(victim, []byte("good"), 0o600))
			must(t, plant(w.draftName("PLANTED"), victim))
			must(t, w.pull(t))
			w.assertWhole(t)
			if text, err := os.ReadFile(victim); err != nil || string(text) != "good" {
				t.Errorf("the other file is %q, %v", text, err)
			}
		})
	}
}

func TestADraftWithWrongBytesBeginsAnew(t *testing.T) {
	t.Parallel()
	for name, left := range map[string][]byte{
		"others": []byte("others"), "more": append(slices.Clone(content), '!'), "as many": bytes.ToUpper(bytes.Repeat([]byte("abcdefghij"), 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a.onnx", content)
			w.leave(t, left)
			must(t, w.pull(t))
			w.assertWhole(t)
			w.assertHolds(t, "a.onnx")
		})
	}
}

func TestManyPullsIntoOneFolderAllSucceed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "weights/a.onnx", content)
	w.breaks.Store(4)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error { return w.Version(t.Context(), w.version, w.version.Files) })
	}
	must(t, group.Wait())
	w.assertWhole(t)
	entries, err := os.ReadDir(filepath.Join(w.folder, "weights"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestADraftThatNobodyContinuesGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	old, young := filepath.Join(w.folder, reserved+"old"), filepath.Join(w.folder, reserved+"young")
	for _, name := range []string{old, young} {
		must(t, os.WriteFile(name, []byte("begun"), 0o600))
	}
	long := time.Now().Add(-keptFor - time.Hour)
	must(t, os.Chtimes(old, long, long))
	must(t, w.pull(t))
	w.assertHolds(t, filepath.Base(young), "a.onnx")
}

func TestACancelledPullKeepsWhatHasCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.leave(t, content[:9000])
	if err := w.Version(ctx, w.version, w.version.Files); !fault.Is(err, fault.Canceled) {
		t.Error(err)
	}
	w.assertHolds(t, filepath.Base(w.draftName("LEFT")))
}

func TestWhatHasTheNameIsLeftAlone(t *testing.T) {
	t.Parallel()
	for what, plant := range map[string]func(name string) error{
		"a folder":        func(name string) error { return os.Mkdir(name, 0o700) },
		"a dangling link": func(name string) error { return os.Symlink("nothing", name) },
		"a pipe":          func(name string) error { return syscall.Mkfifo(name, 0o600) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a.onnx", content)
			must(t, plant(filepath.Join(w.folder, "a.onnx")))
			faulttest.AssertKind(t, w.pull(t), fault.Conflict)
			w.assertHolds(t, "a.onnx")
		})
	}
}

func TestAFolderThatIsAFileIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a/b.onnx", content)
	must(t, os.WriteFile(filepath.Join(w.folder, "a"), []byte("mine"), 0o600))
	faulttest.AssertKind(t, w.pull(t), fault.Conflict)
}

func TestFilesThatCannotLieSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	for want, paths := range map[string][]string{
		"a and a of":         {"a", "a"},
		"a and a/b of":       {"a/b", "a"},
		"begin with .maas-p": {"a", "b/.maas-pull-x/c"},
	} {
		var files []api.File
		for _, path := range paths {
			files = append(files, api.File{Path: ref.Path(path), Size: 1})
		}
		err := w.fits(files)
		faulttest.AssertKind(t, err, fault.Unprocessable)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", paths, err)
		}
	}
}

// Whether names that differ in case only are two files is the file system's matter.
func TestNamesThatDifferInCaseAreWhatTheFileSystemSays(t *testing.T) {
	t.Parallel()
	if one, other, found := alike([]api.File{{Path: "w"}, {Path: "W/a"}}, folded); !found || one != "w" || other != "W/a" {
		t.Errorf("%q, %q, %v", one, other, found)
	}
	w := newWorld(t, "a.onnx", content)
	folds, err := foldsCase(w.Folder)
	must(t, err)
	err = w.fits([]api.File{{Path: "w"}, {Path: "W"}})
	if folds != (err != nil) {
		t.Errorf("the file system folds: %v; %v", folds, err)
	}
	w.assertHolds(t)
}

func TestAFileIsStreamedAndChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	w.breaks.Store(3)
	var got bytes.Buffer
	must(t, w.Stream(t.Context(), w.version, w.version.Files[0], &got))
	if !bytes.Equal(got.Bytes(), content) {
		t.Errorf("%d bytes", got.Len())
	}
	wrong := newWorld(t, "a.onnx", bytes.ToUpper(bytes.Repeat([]byte("abcdefghij"), 1000)))
	faulttest.AssertKind(t, wrong.Stream(t.Context(), wrong.version, wrong.version.Files[0], &got), fault.Unprocessable)
}
