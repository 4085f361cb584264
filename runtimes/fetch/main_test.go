package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog" //nolint:depguard // toxiproxy logs by it

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// TestMain makes the test's own program the one under test when it starts itself, on a small disk or as nobody where that is asked for.
func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's own
	if os.Getenv("MAAS_FETCH_MAIN") == "" {
		os.Exit(m.Run())
	}
	if dir := os.Getenv("MAAS_FETCH_TMPFS"); dir != "" {
		orPanic(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	}
	if os.Getenv("MAAS_FETCH_NOBODY") != "" {
		orPanic(syscall.Setgroups(nil))
		orPanic(syscall.Setgid(nobody))
		orPanic(syscall.Setuid(nobody))
	}
	main()
	os.Exit(0)
}

// nobody is who runs in a container without root (distroless' nonroot).
const nobody = 65532

func orPanic(err error) {
	if err != nil {
		panic(err)
	}
}

// world is a store with versions in it, and a node.
type world struct {
	testing.TB
	*objects.Store
	vars   map[string]string
	tenant uuid.UUID
	folder string // of the pod, for the model
}

func newWorld(t testing.TB) world {
	t.Helper()
	vars := objectstest.Environment(t)
	return world{TB: t, Store: objectstest.Open(t, vars), vars: vars, tenant: uuid.New(), folder: t.TempDir()}
}

// version puts a version of one file into the store.
func (w world) version(content []byte, published ...byte) objects.URI {
	w.Helper()
	file := objects.ManifestFile{
		Path: "weights/model.onnx", Size: int64(len(content)), SHA256: ref.SumOf(content), Object: objects.UploadKey(w.tenant, uuid.New()),
	}
	if published != nil {
		content = published
	}
	w.must(w.Put(w.Context(), file.Object, content))
	m, err := objects.NewManifest(w.tenant, []objects.ManifestFile{file})
	w.must(err)
	w.must(w.Put(w.Context(), objects.ManifestKey(w.tenant, m.Digest()), m.Encode()))
	return objects.URI{Bucket: w.Bucket(), Tenant: w.tenant, Digest: m.Digest()}
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// assertModel checks that the pod's folder has the version's file and nothing else.
func (w world) assertModel(want []byte) {
	w.Helper()
	path := filepath.Join(w.folder, "weights", "model.onnx")
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		w.Errorf("the model has %d bytes, want %d: %v", len(got), len(want), err)
	}
	if entries, err := os.ReadDir(w.folder); err != nil || len(entries) != 1 {
		w.Errorf("the folder has %v, %v", entries, err)
	}
}

// process is a fetch that runs, or has ended.
type process struct {
	*exec.Cmd

	w      world
	stderr bytes.Buffer
	words  string // path of the termination message
}

func (w world) command(uri string, vars ...string) *process {
	w.Helper()
	p := &process{w: w, words: filepath.Join(w.TempDir(), "termination-log")}
	w.must(os.WriteFile(p.words, nil, 0o666))
	w.must(os.Chmod(p.words, 0o666))
	p.Cmd = exec.CommandContext(w.Context(), os.Args[0], "-termination-log", p.words, uri, w.folder)
	all := maps.Clone(w.vars)
	all["MAAS_FETCH_MAIN"], all["MAAS_FETCH_PATIENCE"] = "1", "1s"
	for name, value := range all {
		p.Env = append(p.Env, name+"="+value)
	}
	p.Env = append(p.Env, vars...) // the last one counts
	p.Stderr = &p.stderr
	return p
}

func (p *process) start() *process {
	p.w.Helper()
	p.w.must(p.Start())
	p.w.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

// end waits, checks the exit status and that stderr's last line is the termination message, and returns it.
func (p *process) end(status int) (sentence string) {
	p.w.Helper()
	err := p.Wait()
	if got := p.ProcessState.ExitCode(); got != status {
		p.w.Errorf("it ended with %v, want the status %d: %s", err, status, p.stderr.String())
	}
	words, err := os.ReadFile(p.words)
	p.w.must(err)
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	if last := lines[len(lines)-1]; status != 0 && last != string(words) {
		p.w.Errorf("the last line is %q, and the message %q", last, words)
	}
	return string(words)
}

func (w world) fetch(status int, uri objects.URI, vars ...string) (sentence string, p *process) {
	w.Helper()
	p = w.command(uri.String(), vars...).start()
	sentence = p.end(status)
	return sentence, p
}

func TestBringsAVersionWholeAndReadableForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := bytes.Repeat([]byte("model"), 2<<20)

	if said, _ := w.fetch(0, w.version(content)); said != "" {
		t.Errorf("it said %s", said)
	}

	w.assertModel(content)
	for path, want := range map[string]os.FileMode{"weights": os.ModeDir | 0o755, "weights/model.onnx": 0o644} {
		if about, err := os.Stat(filepath.Join(w.folder, path)); err != nil || about.Mode() != want {
			t.Errorf("the mode of %s is %v, %v, want %v", path, about.Mode(), err, want)
		}
	}
}

func TestWhatIsNotTheVersionDoesNotStart(t *testing.T) {
	t.Parallel()
	right := []byte("right bytes")
	w := newWorld(t)
	missing, renamed := w.version([]byte("missing")), w.version(right)
	w.must(w.Delete(t.Context(), objects.ManifestKey(w.tenant, missing.Digest)))
	content, err := w.Get(t.Context(), objects.ManifestKey(w.tenant, renamed.Digest), 1<<20)
	w.must(err)
	another := objects.URI{Bucket: w.Bucket(), Tenant: w.tenant, Digest: ref.SumOf([]byte("another"))}
	w.must(w.Put(t.Context(), objects.ManifestKey(w.tenant, another.Digest), content))

	for name, test := range map[string]struct {
		uri  objects.URI
		says string
	}{
		"tampered": {w.version(right, []byte("wrong bytes")...), fmt.Sprintf(
			`the bytes of the file "weights/model.onnx" hash to %s and should hash to %s`, ref.SumOf([]byte("wrong bytes")), ref.SumOf(right))},
		"truncated":        {w.version(right, []byte("right")...), `the bytes of the file "weights/model.onnx" are fewer than the 11 that were published`},
		"no manifest":      {missing, "the bytes of the manifest are missing"},
		"another manifest": {another, fmt.Sprintf("the bytes of the manifest hash to %s and should hash to %s", renamed.Digest, another.Digest)},
		"a path out of it": {w.raw(`[{"path":"../model.onnx","size":1,"sha256":"%s","object":"%s"}]`), `"../model.onnx" is none`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := w
			pod.TB, pod.folder = t, t.TempDir()

			said, _ := pod.fetch(3, test.uri)

			if !strings.Contains(said, test.says) {
				t.Errorf("it said %s\nwant %s", said, test.says)
			}
			if left, err := os.ReadDir(pod.folder); err != nil || len(left) > 0 {
				t.Errorf("the folder has %v, %v", left, err)
			}
		})
	}
}

// raw puts a manifest under its name that no function of ours would write.
func (w world) raw(format string) objects.URI {
	w.Helper()
	text := fmt.Appendf(nil, format, ref.SumOf(nil), objects.UploadKey(w.tenant, uuid.New()))
	w.must(w.Put(w.Context(), objects.ManifestKey(w.tenant, ref.SumOf(text)), text))
	return objects.URI{Bucket: w.Bucket(), Tenant: w.tenant, Digest: ref.SumOf(text)}
}

func TestSaysWhatIsWrongWithItsConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	uri := w.version([]byte("x")).String()
	for name, test := range map[string]struct {
		uri, variable, says string
	}{
		"another scheme":   {uri: "s3://bucket/key", says: "maas://"},
		"another bucket":   {uri: strings.Replace(uri, w.Bucket(), "other", 1), says: "in the bucket"},
		"no store":         {uri: uri, variable: "S3_ENDPOINT=", says: "S3_ENDPOINT"},
		"no number":        {uri: uri, variable: "MAAS_FETCH_CACHE_BYTES=much", says: "CacheBytes"},
		"no such duration": {uri: uri, variable: "MAAS_FETCH_PATIENCE=long", says: "Patience"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := w
			pod.TB = t
			if said := pod.command(test.uri, test.variable).start().end(2); !strings.Contains(said, test.says) {
				t.Errorf("it said %s", said)
			}
		})
	}
}

func TestRunsAsAnybodyWithNothingButItsFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("only root can become somebody else")
		return
	}
	w := newWorld(t)
	w.must(os.Chmod(w.folder, 0o777))
	for _, folder := range []string{w.folder, w.TempDir()} {
		w.must(os.Chmod(filepath.Dir(folder), 0o755)) // t.TempDir's parent is its maker's alone
	}

	w.fetch(0, w.version([]byte("model")), "MAAS_FETCH_NOBODY=1", "HOME=")

	w.assertModel([]byte("model"))
}

// eventually asks until the answer is yes.
func (w world) eventually(what string, yes func() bool) {
	w.Helper()
	for end := time.Now().Add(30 * time.Second); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("not within 30 s: %s", what)
		}
	}
}
