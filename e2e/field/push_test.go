//go:build !cluster

package field

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

func TestAFileThatChangesWhileItIsPushedIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(name string) error{
		"got shorter while it was pushed":    func(name string) error { return os.Truncate(name, 9<<20) },
		"was written to while it was pushed": scribble,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			u := the.Register(t)
			large := u.Large(3)
			watched := u.Through(slowly(t, u.Server, sync.OnceFunc(func() { e2etest.Must(t, change(large)) })))

			said := watched.Maas("push", u.Of("digits")+"@1.0.0", large, "--parallel", "1").Ends(1, large+" "+want)

			if strings.Contains(said.Stderr, "Trying again") {
				t.Errorf("the server is blamed: %s", said.Stderr)
			}
			u.Maas("uploads", "--status", "open").Ends(0, "none")
		})
	}
}

func TestWhatIsNoFileIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	folder, hollow := t.TempDir(), t.TempDir()
	pipe, empty := filepath.Join(folder, "pipe"), filepath.Join(folder, "empty")
	e2etest.Must(t, syscall.Mkfifo(pipe, 0o600))
	put(t, empty, nil)

	for name, want := range map[string]string{
		hollow: "is a folder without a file to push", folder: "is empty", pipe: "is a pipe", "/dev/null": "is a device", empty: "is empty", filepath.Join(folder, "no"): "There is no file",
	} {
		u.Maas("push", u.Of("digits")+"@1.0.0", e2etest.Data("digits.onnx"), name).Ends(2, name, want)
	}
	u.Maas("models").Ends(0, "none")
}

// slowly returns a server in front of another. It calls once after the first 8 KiB of the first chunk that is sent.
func slowly(t *testing.T, server string, once func()) string {
	t.Helper()
	to, err := url.Parse(server)
	e2etest.Must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = nil
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			r.Body = &paused{ReadCloser: r.Body, then: once}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// paused calls a function after some of a body has been read.
type paused struct {
	io.ReadCloser

	then func()
	read atomic.Int64
}

// Read implements io.Reader.
func (p *paused) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if p.read.Add(int64(n)) > 8<<10 {
		p.then()
	}
	return n, err
}

// scribble writes into a file.
func scribble(name string) error {
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := file.WriteAt([]byte("changed"), 19<<20); err != nil {
		return err
	}
	return file.Close()
}
