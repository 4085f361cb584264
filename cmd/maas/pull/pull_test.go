package pull

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var content = bytes.Repeat([]byte("0123456789"), 1000)

// world is a version of one file, where it is served and where it goes.
type world struct {
	*Puller

	folder  string
	version api.Version
	// breaks is how many answers are cut in their middle; sent counts all bytes.
	breaks, sent atomic.Int64
}

func newWorld(t *testing.T, path ref.Path, served []byte) *world {
	t.Helper()
	w := &world{folder: t.TempDir(), version: api.Version{
		Model: ref.Model{Tenant: "acme", Name: "fraud"},
		Files: []api.File{{Path: path, Size: int64(len(content)), SHA256: ref.SumOf(content)}},
	}}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/files/"+string(path)) {
			http.NotFound(answer, r)
			return
		}
		counted := &cut{ResponseWriter: answer, sent: &w.sent, left: int64(len(served))}
		if w.breaks.Add(-1) >= 0 {
			counted.left = 3000
		}
		http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(served))
	}))
	t.Cleanup(server.Close)
	c, err := maas.New(server.URL, maas.WithToken("t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	root, err := os.OpenRoot(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	w.Puller = &Puller{Client: c, Folder: root, Progress: maas.NoProgress{}}
	return w
}

// cut breaks the connection when it has sent enough.
type cut struct {
	http.ResponseWriter

	sent *atomic.Int64
	left int64
}

// Write implements io.Writer.
func (c *cut) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		n, _ := c.ResponseWriter.Write(p[:c.left])
		c.sent.Add(int64(n))
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := c.ResponseWriter.Write(p)
	c.left -= int64(n)
	c.sent.Add(int64(n))
	return n, err
}

func (w *world) pull(t *testing.T) error {
	t.Helper()
	return w.Version(t.Context(), w.version, w.version.Files)
}

func (w *world) assertWhole(t *testing.T) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(w.folder, string(w.version.Files[0].Path)))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAFileComesWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "weights/a b%.onnx", content)
	if err := w.pull(t); err != nil {
		t.Fatal(err)
	}
	w.assertWhole(t)
}

func TestABrokenTransferGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	w.breaks.Store(3)
	if err := w.pull(t); err != nil {
		t.Fatal(err)
	}
	w.assertWhole(t)
	if got := w.sent.Load(); got > int64(len(content))+3000 {
		t.Errorf("%d bytes were sent for %d", got, len(content))
	}
}

func TestAPullGoesOnWhereTheLastEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	w.leave(t, content[:9000])
	if err := w.pull(t); err != nil {
		t.Fatal(err)
	}
	w.assertWhole(t)
	w.assertHolds(t, "a.onnx")
	if got := w.sent.Load(); got != 1000 {
		t.Errorf("%d bytes were sent", got)
	}
}

func TestWhatIsThereIsNotFetched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	for range 2 {
		if err := w.pull(t); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.sent.Load(); got != int64(len(content)) {
		t.Errorf("%d bytes were sent", got)
	}
}

func TestAFileWithOtherBytesIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", content)
	mine := filepath.Join(w.folder, "a.onnx")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	faulttest.AssertKind(t, w.pull(t), fault.Conflict)
	if got, err := os.ReadFile(mine); err != nil || string(got) != "mine" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWrongBytesAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a.onnx", bytes.ToUpper(bytes.Repeat([]byte("abcdefghij"), 1000)))
	faulttest.AssertKind(t, w.pull(t), fault.Unprocessable)
	w.assertHolds(t)
}

func TestNothingOutsideTheFolderIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "out/a.onnx", content)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(w.folder, "out")); err != nil {
		t.Fatal(err)
	}
	if w.pull(t) == nil {
		t.Error("it followed a link out of the folder")
	}
	if found, _ := os.ReadDir(outside); len(found) != 0 {
		t.Errorf("%v", found)
	}
}
