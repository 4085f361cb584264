package objects_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
)

// node is a world with a folder that the pods of a node share.
type node struct {
	world
	folder string
	limit  int64
}

func newNode(t testing.TB, limit int64) node {
	t.Helper()
	return node{newWorld(t), t.TempDir(), limit}
}

// fetch brings a version into a new folder, as a pod of the node does, and returns what came from where.
func (n node) fetch(uri objects.URI) (dir string, progress *objects.Progress) {
	n.Helper()
	cache := objects.OpenFileCache(n.folder, n.limit, slog.New(slog.DiscardHandler))
	defer cache.Close()
	dir, progress = n.TempDir(), &objects.Progress{}
	if _, err := objects.Fetch(n.Context(), n.Store, uri, dir, objects.WithCache(cache), objects.WithProgress(progress)); err != nil {
		n.Error(err)
	}
	return dir, progress
}

// cached returns the names of the cache's files but for its lock.
func (n node) cached() []string {
	n.Helper()
	entries, err := os.ReadDir(n.folder)
	n.must(err)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".counting" })
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func (n node) assertHas(dir, path string, want []byte) {
	n.Helper()
	if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(got, want) {
		n.Errorf("%s has %d bytes, want %d: %v", path, len(got), len(want), err)
	}
}

func TestVersionsShareTheFilesOfTheNode(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1<<30)
	large, small := random(9<<20), []byte("small")
	n.fetch(n.version(map[string][]byte{"model.onnx": large, "a": small}))

	dir, progress := n.fetch(n.version(map[string][]byte{"renamed.onnx": large, "b": []byte("another")}))

	n.assertHas(dir, "renamed.onnx", large)
	if cached, loaded := progress.Cached.Load(), progress.Loaded.Load(); cached != int64(len(large)) || loaded != int64(len("another")) {
		t.Errorf("%d bytes came from the cache and %d from the store", cached, loaded)
	}
	if got := n.cached(); len(got) != 3 {
		t.Errorf("the cache has %v, want 3 files", got)
	}
}

func TestACachedFileIsCheckedLikeAnyOther(t *testing.T) {
	t.Parallel()
	content := random(100_000)
	other := slices.Clone(content)
	other[77_777]++
	for name, wrong := range map[string][]byte{"other bytes": other, "fewer bytes": content[:99_999], "more bytes": append(slices.Clone(content), 0), "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, 1<<20)
			entry := filepath.Join(n.folder, ref.SumOf(content).String())
			n.must(os.WriteFile(entry, wrong, 0o600))

			dir, progress := n.fetch(n.version(map[string][]byte{"model.onnx": content}))

			n.assertHas(dir, "model.onnx", content)
			if progress.Cached.Load() != 0 {
				t.Error("wrong bytes were taken out of the cache")
			}
			n.assertHas(n.folder, filepath.Base(entry), content)
		})
	}
}

func TestTheCacheKeepsWhatWasUsedLastWithinItsLimit(t *testing.T) {
	t.Parallel()
	const size = 100_000
	n := newNode(t, 3*size)
	var versions []objects.URI
	for i := range 4 {
		versions = append(versions, n.version(map[string][]byte{"a": random(size - i)}))
	}
	for _, i := range []int{0, 1, 2, 0, 3} { // 0 is used again, and 3 needs room
		n.fetch(versions[i])
		time.Sleep(10 * time.Millisecond) // a file system's clock is coarse
	}

	if got := n.cached(); len(got) != 3 {
		t.Errorf("the cache has %v, want 3 files", got)
	}
	for i, want := range []int64{size, 0, size - 2, size - 3} {
		if i == 1 {
			continue // asking would put it there
		}
		if _, progress := n.fetch(versions[i]); progress.Cached.Load() != want {
			t.Errorf("%d bytes of version %d came from the cache, want %d", progress.Cached.Load(), i, want)
		}
	}
	n.fetch(n.version(map[string][]byte{"larger than the cache": random(3*size + 1)}))
	if got := n.cached(); len(got) != 3 {
		t.Errorf("the cache has %v, want 3 files", got)
	}
}

func TestPodsThatStartAtOnceLoadAFileOnce(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	n := newNode(t, 1<<30)
	content := random(size)
	uri := n.version(map[string][]byte{"model.onnx": content, "copy": content})
	var (
		pods   sync.WaitGroup
		mu     sync.Mutex
		loaded int64
	)
	for range 4 {
		pods.Go(func() {
			dir, progress := n.fetch(uri)
			n.assertHas(dir, "model.onnx", content)
			n.assertHas(dir, "copy", content)
			mu.Lock()
			defer mu.Unlock()
			loaded += progress.Loaded.Load()
		})
	}
	pods.Wait()

	if loaded != size {
		t.Errorf("%d bytes were loaded, want %d", loaded, size)
	}
	if got := n.cached(); len(got) != 1 {
		t.Errorf("the cache has %v, want one file", got)
	}
}

func TestWhatADeadProcessBeganIsTakenOver(t *testing.T) {
	t.Parallel()
	n := newNode(t, 150_000)
	content := random(100_000)
	digest := ref.SumOf(content).String()
	n.must(os.WriteFile(filepath.Join(n.folder, digest+".begun"), random(150_000), 0o600))
	n.must(os.WriteFile(filepath.Join(n.folder, ref.SumOf(nil).String()+".begun"), random(150_000), 0o600)) // counts, and must make room

	n.fetch(n.version(map[string][]byte{"model.onnx": content}))

	n.assertHas(n.folder, digest, content)
	if got := n.cached(); len(got) != 1 {
		t.Errorf("the cache has %v, want one file", got)
	}
}

func TestALinkInAPlaceOfTheCacheIsNotWrittenThrough(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1<<20)
	one, other := random(100_000), random(100_000)
	n.fetch(n.version(map[string][]byte{"model.onnx": one}))
	n.must(os.Symlink(ref.SumOf(one).String(), filepath.Join(n.folder, ref.SumOf(other).String()+".begun")))

	n.fetch(n.version(map[string][]byte{"model.onnx": other}))

	n.assertHas(n.folder, ref.SumOf(one).String(), one)
	n.assertHas(n.folder, ref.SumOf(other).String(), other)
}

func TestAProcessThatHangsWithAFileIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1<<20)
	content := random(1000)
	begun, err := os.Create(filepath.Join(n.folder, ref.SumOf(content).String()+".begun"))
	n.must(err)
	defer begun.Close()
	n.must(syscall.Flock(int(begun.Fd()), syscall.LOCK_EX))

	dir, _ := n.fetch(n.version(map[string][]byte{"model.onnx": content}))

	n.assertHas(dir, "model.onnx", content)
	if _, err := begun.Stat(); err != nil || len(n.cached()) != 1 {
		t.Errorf("the other's file has gone: %v", n.cached())
	}
}

func TestACacheThatIsBrokenStopsNoFetch(t *testing.T) {
	t.Parallel()
	content := random(1000)
	digest := ref.SumOf(content).String()
	for name, spoil := range map[string]func(folder string) error{
		"a file for a folder":   func(f string) error { return errors.Join(os.Remove(f), os.WriteFile(f, nil, 0o600)) },
		"a folder for an entry": func(f string) error { return os.MkdirAll(filepath.Join(f, digest, "x"), 0o700) },
		"a folder for a place":  func(f string) error { return os.MkdirAll(filepath.Join(f, digest+".begun", "x"), 0o700) },
		"a folder for the lock": func(f string) error { return os.MkdirAll(filepath.Join(f, ".counting", "x"), 0o700) },
		"a link out of it":      func(f string) error { return os.Symlink("/etc/passwd", filepath.Join(f, digest)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, 1<<20)
			n.must(spoil(n.folder))

			dir, _ := n.fetch(n.version(map[string][]byte{"model.onnx": content}))

			n.assertHas(dir, "model.onnx", content)
		})
	}
}

func TestACacheIsWarnedOfByName(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	cache := objects.OpenFileCache(file, 1, slog.New(slog.NewTextHandler(&log, nil)))

	if cache != nil || !strings.Contains(log.String(), "cache="+file) {
		t.Errorf("the cache is %v, and the log says %s", cache, log.String())
	}
}
