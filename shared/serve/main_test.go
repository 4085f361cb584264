package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// openChild returns a function with a slow route and background work, which says on stdout when it has ended.
func openChild(_ context.Context, e *env.Env) (http.Handler, error) {
	var config struct {
		Fail bool `env:"FAIL"`
	}
	if err := e.Config(&config); err != nil || config.Fail {
		return nil, errors.Join(err, errors.New("the database is not there"))
	}
	e.Go(func(ctx context.Context) { <-ctx.Done(); fmt.Println("background ended") })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			fmt.Println("slow entered")
			time.Sleep(200 * time.Millisecond)
		case "/stuck":
			fmt.Println("stuck entered")
			<-r.Context().Done()
			httpapi.WriteProblem(w, r, r.Context().Err())
			return
		}
		_, _ = io.WriteString(w, "done")
	}), nil
}

// child starts the function as a process that listens on url.
func child(t *testing.T, vars ...string) (process *exec.Cmd, url string, stderr *bytes.Buffer) {
	t.Helper()
	address := freeAddress(t)
	process, stderr = exec.CommandContext(t.Context(), os.Args[0]), &bytes.Buffer{}
	process.Env = append(os.Environ(), append(vars, childVar+"=1", "LISTEN_ADDRESS="+address, "METRICS_ADDRESS=off")...)
	process.Stderr = stderr
	return process, "http://" + address, stderr
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func await(t *testing.T, url string) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if response, err := http.Get(url); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("%s does not answer 200", url)
}

func TestSIGTERMStopsAProcessOnceItsRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	process, url, stderr := child(t)
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, url+"/health/readiness")
	body := make(chan string, 1)
	go func() { // ends with the answer
		response, err := http.Get(url + "/slow")
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		body <- string(text)
	}()
	entered := make([]byte, len("slow entered\n"))
	if _, err := io.ReadFull(stdout, entered); err != nil {
		t.Fatal(err)
	}

	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if got := <-body; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
	rest, _ := io.ReadAll(stdout)
	if err := process.Wait(); err != nil || string(rest) != "background ended\n" {
		t.Errorf("the process ends with %v, after %q\n%s", err, rest, stderr)
	}
}

func TestWhatIsLeftWhenTheDrainIsOverIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	process, url, stderr := child(t, "MAAS_DRAIN_TIMEOUT=200ms")
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, url+"/health/readiness")
	answered := make(chan *http.Response, 1)
	go func() { // ends with the answer
		response, err := http.Get(url + "/stuck")
		if err == nil {
			_ = response.Body.Close()
		}
		answered <- response
	}()
	if _, err := io.ReadFull(stdout, make([]byte, len("stuck entered\n"))); err != nil {
		t.Fatal(err)
	}

	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if got := <-answered; got == nil || got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "5" {
		t.Errorf("the request that is stuck got %v", got)
	}
	_, _ = io.ReadAll(stdout)
	if err := process.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stderr)
	}
}

func TestAProcessThatCannotStartSaysWhyAndFails(t *testing.T) {
	t.Parallel()
	process, _, stderr := child(t, "FAIL=true")
	err := process.Run()
	if err == nil || !strings.Contains(stderr.String(), "child: the database is not there") {
		t.Errorf("the process ends with %v and says %s", err, stderr)
	}
}
