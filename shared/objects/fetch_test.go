package objects_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
)

// version puts files and their manifest into the store.
func (w world) version(content map[string][]byte) objects.URI {
	w.Helper()
	var files []objects.ManifestFile
	for path, b := range content {
		file := objects.ManifestFile{
			Path: ref.Path(path), Size: int64(len(b)), SHA256: ref.SumOf(b), Object: objects.UploadKey(w.tenant, uuid.New()),
		}
		w.must(w.Put(w.Context(), file.Object, b))
		files = append(files, file)
	}
	m, err := objects.NewManifest(w.tenant, files)
	w.must(err)
	return w.manifest(m)
}

// manifest puts a manifest under its name.
func (w world) manifest(m objects.Manifest) objects.URI {
	w.Helper()
	w.must(w.Put(w.Context(), objects.ManifestKey(w.tenant, m.Digest()), m.Encode()))
	return objects.URI{Bucket: w.Bucket(), Tenant: w.tenant, Digest: m.Digest()}
}

func TestFetchBringsEveryFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := map[string][]byte{"model.onnx": random(20<<20 + 3), "weights/a/0.bin": random(8 << 20), "weights/b": []byte("b"), "copy": []byte("b")}
	uri, dir := w.version(content), filepath.Join(t.TempDir(), "new")

	m, err := objects.Fetch(t.Context(), w.Store, uri, dir)
	w.must(err)

	if m.Digest() != uri.Digest {
		t.Errorf("the manifest is %s, want %s", m.Digest(), uri.Digest)
	}
	for path, want := range content {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, want %d: %v", path, len(got), len(want), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".fetch-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFetchAgainKeepsWhatIsRightAndMendsWhatIsNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uri, dir := w.version(map[string][]byte{"right": []byte("right"), "wrong": []byte("right too"), "short": []byte("long")}), t.TempDir()
	_, err := objects.Fetch(t.Context(), w.Store, uri, dir)
	w.must(err)
	before, err := os.Stat(filepath.Join(dir, "right"))
	w.must(err)
	w.must(os.WriteFile(filepath.Join(dir, "wrong"), []byte("other too"), 0o600))
	w.must(os.WriteFile(filepath.Join(dir, "short"), []byte("l"), 0o600))

	_, err = objects.Fetch(t.Context(), w.Store, uri, dir)
	w.must(err)

	if after, err := os.Stat(filepath.Join(dir, "right")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the right file was fetched again: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "wrong")); err != nil || string(got) != "right too" {
		t.Errorf("the wrong file has %q, %v", got, err)
	}
}

func TestFetchFailsClosedOnWrongBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	right := objects.ManifestFile{Path: "model.onnx", Size: 5, SHA256: ref.SumOf([]byte("right")), Object: w.key}
	longer := right
	longer.Size = 6
	w.must(w.Put(t.Context(), w.key, []byte("wrong")))
	for name, file := range map[string]objects.ManifestFile{"other bytes": right, "fewer bytes": longer} {
		m, err := objects.NewManifest(w.tenant, []objects.ManifestFile{file})
		w.must(err)
		dir := t.TempDir()
		w.must(os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("stale"), 0o600))

		_, err = objects.Fetch(t.Context(), w.Store, w.manifest(m), dir)

		if !fault.Is(err, fault.Unavailable) || objects.AsDamage(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s: the directory has %v, %v", name, left, err)
		}
	}
}

func TestFetchSaysWhatIsWrongInTheSameWordsForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	right, there := []byte("right"), objects.UploadKey(w.tenant, uuid.New())
	w.must(w.Put(t.Context(), w.key, []byte("wrong")))
	w.must(w.Put(t.Context(), there, []byte("righ")))
	for _, test := range []struct {
		object objects.Key
		want   string
	}{
		{w.key, fmt.Sprintf(`the bytes of the file "a/b" hash to %s and should hash to %s`, ref.SumOf([]byte("wrong")), ref.SumOf(right))},
		{there, `the bytes of the file "a/b" are fewer than the 5 that were published`},
		{objects.UploadKey(w.tenant, uuid.New()), `the bytes of the file "a/b" are missing`},
	} {
		m, err := objects.NewManifest(w.tenant, []objects.ManifestFile{{Path: "a/b", Size: 5, SHA256: ref.SumOf(right), Object: test.object}})
		w.must(err)

		_, err = objects.Fetch(t.Context(), w.Store, w.manifest(m), t.TempDir())

		faulttest.AssertKind(t, err, fault.Unavailable)
		if got := fault.From(err).Message; got != "The object store is damaged: "+test.want+". An operator must restore them; then try again." {
			t.Errorf("it says %s, want %s", got, test.want)
		}
	}
}

func TestFetchDoesNotBelieveWhatAnInterruptedOneLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(9 << 20)
	uri := w.version(map[string][]byte{"model.onnx": content})
	holed := slices.Clone(content[:5<<20])
	clear(holed[1<<20 : 2<<20])
	for name, test := range map[string]struct {
		left []byte
		kept int64
	}{
		"a beginning": {content[:5<<20+1], 5<<20 + 1},
		"all":         {content, int64(len(content))},
		"a hole":      {holed, 0},
		"more":        {append(slices.Clone(content), 0), 0},
		"nothing":     {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w.must(os.WriteFile(filepath.Join(dir, unfinished("model.onnx")), test.left, 0o600))
			var progress objects.Progress

			_, err := objects.Fetch(t.Context(), w.Store, uri, dir, objects.WithProgress(&progress))
			w.must(err)

			if got, err := os.ReadFile(filepath.Join(dir, "model.onnx")); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the file has %d bytes, %v", len(got), err)
			}
			if kept := progress.There.Load(); kept != test.kept {
				t.Errorf("%d bytes were kept, want %d", kept, test.kept)
			}
		})
	}
}

func TestFetchWritesThroughNoLinkInItsDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(1 << 20)
	uri := w.version(map[string][]byte{"model.onnx": content})
	dir := t.TempDir()
	w.must(os.WriteFile(filepath.Join(dir, "other"), []byte("good"), 0o600))
	w.must(os.Symlink("other", filepath.Join(dir, unfinished("model.onnx"))))

	_, err := objects.Fetch(t.Context(), w.Store, uri, dir)
	w.must(err)

	for name, want := range map[string][]byte{"model.onnx": content, "other": []byte("good")} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, %v", name, len(got), err)
		}
	}
}

// unfinished returns what a file is called until it is whole.
func unfinished(path string) string { return ".fetch-" + ref.SumOf([]byte(path)).String() }

func TestFetchRefusesAManifestThatIsNotItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m, err := objects.NewManifest(w.tenant, []objects.ManifestFile{{Path: "a", Size: 1, SHA256: ref.SumOf(nil), Object: w.key}})
	w.must(err)
	name := ref.SumOf([]byte("another"))
	w.must(w.Put(t.Context(), objects.ManifestKey(w.tenant, name), m.Encode()))

	_, err = objects.Fetch(t.Context(), w.Store, objects.URI{Bucket: w.Bucket(), Tenant: w.tenant, Digest: name}, t.TempDir())

	faulttest.AssertKind(t, err, fault.Unavailable)
	if d := objects.AsDamage(err); d == nil || d.What != "manifest" {
		t.Errorf("%v is about %v", err, d)
	}
}

func TestFetchOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)

	_, err := objects.Fetch(t.Context(), w.Store, objects.URI{Bucket: w.Bucket(), Tenant: w.tenant, Digest: ref.SumOf(nil)}, t.TempDir())
	faulttest.AssertKind(t, err, fault.Unavailable)
	if d := objects.AsDamage(err); d == nil || d.What != "manifest" {
		t.Errorf("%v is about %v", err, d)
	}
	_, err = objects.Fetch(t.Context(), w.Store, objects.URI{Bucket: "another", Tenant: w.tenant, Digest: ref.SumOf(nil)}, t.TempDir())
	faulttest.AssertKind(t, err, fault.Invalid, "uri")
}

func TestFetchLeavesADirectoryToTheProcessThatHasIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uri, dir := w.version(map[string][]byte{"a": []byte("a")}), t.TempDir()
	other, err := os.Open(dir)
	w.must(err)
	w.must(syscall.Flock(int(other.Fd()), syscall.LOCK_EX))

	_, err = objects.Fetch(t.Context(), w.Store, uri, dir)
	faulttest.AssertKind(t, err, fault.Conflict)
	w.must(other.Close())

	_, err = objects.Fetch(t.Context(), w.Store, uri, dir)
	w.must(err)
}

func TestFetchDoesNotFollowALinkOutOfItsDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uri, dir, outside := w.version(map[string][]byte{"out/a": []byte("a")}), t.TempDir(), t.TempDir()
	w.must(os.Symlink(outside, filepath.Join(dir, "out")))

	_, err := objects.Fetch(t.Context(), w.Store, uri, dir)

	faulttest.AssertKind(t, err, fault.Internal)
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside are %v, %v", left, err)
	}
}
