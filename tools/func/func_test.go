//go:build cluster

// Package funcs tests that Knative's command func builds functions by tools/func-go. The command's own compilation takes minutes, so the test
// runs where a cluster's do (make test ON=cluster), though it needs none.
package funcs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	root    = "../.."
	module  = "knative.dev/func"
	version = "v0.49.2"
)

// command returns the path of func itself. It is compiled in its module's own folder, since it replaces a module that it needs, and kept in the
// user's cache, since that takes minutes.
func command(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	must(t, err)
	path := filepath.Join(cache, "maas", "func-"+version)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	var downloaded struct{ Dir string }
	must(t, json.Unmarshal(output(t, exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module+"@"+version)), &downloaded))
	build := exec.CommandContext(t.Context(), "go", "build", "-C", downloaded.Dir, "-ldflags", "-s -w", "-o", path, "./cmd/func")
	build.Env = append(os.Environ(), "GOWORK=off")
	output(t, build)
	return path
}

// TestFuncBuildsAFunctionThatRuns builds a function's image as docs/operations.md says, in a copy, since func writes into the folder. What
// stands in the image is the program that is then run: func's own main around our function.
func TestFuncBuildsAFunctionThatRuns(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "users")
	must(t, os.CopyFS(folder, os.DirFS(root+"/functions/users")))
	goCommand, err := filepath.Abs(root + "/tools/func-go")
	must(t, err)
	build := exec.CommandContext(t.Context(), command(t), "build", "--builder=host", "--registry=localhost:5000/maas", "--path="+folder)
	build.Env = append(os.Environ(), "FUNC_GO="+goCommand, "XDG_CONFIG_HOME="+t.TempDir())
	output(t, build)

	url := run(t, folder+"/.func/build/result/f."+runtime.GOOS+"."+runtime.GOARCH)

	await(t, url+"/health/liveness")
	await(t, url+"/health/readiness") // its database is away, which keeps it from nothing
	if status, body := get(t, url+"/version"); status != http.StatusOK || !strings.Contains(body, `"function":"users"`) {
		t.Errorf("/version is answered %d %s", status, body)
	}
	if status, body := get(t, url+"/v1/users/me"); status != http.StatusUnauthorized || !strings.Contains(body, "/problems/unauthenticated") {
		t.Errorf("a request without a credential is answered %d %s", status, body)
	}
}

// run starts the program, which must end well at the test's end, and returns its address.
func run(t *testing.T, program string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, listener.Close())
	keys := filepath.Join(t.TempDir(), "verify.json")
	const public = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"test","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}` // RFC 8037, appendix A.2
	must(t, os.WriteFile(keys, []byte(public), 0o600))
	process := exec.CommandContext(context.WithoutCancel(t.Context()), program) // the cleanup ends it
	process.Env = append(os.Environ(), "LISTEN_ADDRESS="+address, "METRICS_ADDRESS=off", "MAAS_VERIFY_KEYS="+keys,
		"MAAS_SERVICE_KEY="+strings.Repeat("k", 32), "DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing")
	var said bytes.Buffer
	process.Stdout, process.Stderr = &said, &said
	must(t, process.Start())
	t.Cleanup(func() {
		must(t, process.Process.Signal(syscall.SIGTERM))
		if err := process.Wait(); err != nil || t.Failed() {
			t.Errorf("it ends with %v\n%s", err, &said)
		}
	})
	return "http://" + address
}

func await(t *testing.T, url string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			must(t, answer.Body.Close())
			if answer.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("it answers %s", answer.Status)
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", url, err)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(body)
}

// output runs a command and returns its standard output.
func output(t *testing.T, c *exec.Cmd) []byte {
	t.Helper()
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	began := time.Now()
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", c, err, &out, &said)
	}
	t.Logf("%s: %s", filepath.Base(c.Path), time.Since(began).Round(time.Second))
	return out.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
