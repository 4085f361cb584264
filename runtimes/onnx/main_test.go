package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/runtimes/onnx/ort"
	"github.com/17882237881/MaaS/shared/termination"
)

// TestMain makes the test's own program the one under test when it starts itself.
func TestMain(m *testing.M) {
	if os.Getenv("MAAS_ONNX_MAIN") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a running maas-onnx.
type process struct {
	*exec.Cmd

	address string
	stdout  *bufio.Reader
	stderr  *bytes.Buffer
}

func start(t testing.TB, arguments ...string) *process {
	t.Helper()
	p := &process{stderr: &bytes.Buffer{}}
	p.Cmd = exec.CommandContext(t.Context(), os.Args[0], append([]string{"-listen", "127.0.0.1:0"}, arguments...)...)
	p.Env = append(os.Environ(), "MAAS_ONNX_MAIN=1")
	p.Stderr = p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	p.stdout = bufio.NewReader(out)
	p.address = p.line(t, "listening ")
	return p
}

// line reads the next line of stdout and returns what follows the prefix.
func (p *process) line(t testing.TB, prefix string) string {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	after, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	if err != nil || !ok {
		_ = p.Wait()
		t.Fatalf("stdout says %q (%v), want a line that begins with %q; stderr: %s", line, err, prefix, p.stderr)
	}
	return after
}

// modelFolder makes a version's folder that holds one file of testdata under another name.
func modelFolder(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "weights.bin"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestGetsReadyAndStopsCleanly(t *testing.T) {
	t.Parallel()
	p := start(t, "-model-dir", modelFolder(t, "digits.onnx"))
	p.line(t, "ready ")
	answer, err := http.Get(p.address + "/v2/health/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("readiness is %d", answer.StatusCode)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, p.stderr)
	}
}

func TestStopLetsARequestFinish(t *testing.T) {
	t.Parallel()
	p := start(t, "-model-dir", modelFolder(t, "slow.onnx"))
	p.line(t, "ready ")

	underWay, answered := make(chan struct{}), make(chan int, 1)
	go func() { answered <- postSlow(t, p.address, 300, func() { close(underWay) }) }() // ends with the answer
	<-underWay
	_ = p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, p.stderr)
	}
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way was answered with %d", status)
	}
}

// postSlow runs slow.onnx and returns the answer's status, 0 for none. It calls underWay when the server asks for the body.
func postSlow(t *testing.T, address string, steps int64, underWay func()) int {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: underWay})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v2/models/slow/infer", slowRequest(steps))
	if err != nil {
		t.Error(err)
		return 0
	}
	r.Header.Set("Expect", "100-continue")
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute, DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer.StatusCode
}

func slowRequest(steps int64) io.Reader {
	body, _ := json.Marshal(map[string]any{"inputs": []map[string]any{
		{"name": "steps", "shape": []int{1}, "datatype": "INT64", "data": []int64{steps}},
		{"name": "start", "shape": []int{256, 256}, "datatype": "FP32", "data": make([]float32, 256*256)},
	}})
	return bytes.NewReader(body)
}

func TestSaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	text := t.TempDir()
	if err := os.WriteFile(filepath.Join(text, "model.onnx"), []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := modelFolder(t, "digits.onnx")
	replace(t, filepath.Join(broken, "weights.bin"), "LinearClassifier", "LinearClassifiex")
	tests := []struct {
		name, says string
		status     int
		arguments  []string
	}{
		{"no folder", "cannot be read", 1, []string{"-model-dir", "/does/not/exist"}},
		{"no model", "no ONNX model", termination.Refused, []string{"-model-dir", text}},
		{"a model that does not load", "does not load the model", termination.Refused, []string{"-model-dir", broken}},
		{"no library", "was not found", 1, []string{"-model-dir", modelFolder(t, "digits.onnx"), "-library", "/does/not/exist.so"}},
		{"no such library", "is no ONNX Runtime library", 1, []string{"-model-dir", modelFolder(t, "digits.onnx"), "-library", "libc.so.6"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			words := filepath.Join(t.TempDir(), "termination-log")
			if err := os.WriteFile(words, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, append(test.arguments, "-termination-log", words)...)
			err := p.Wait()
			if p.ProcessState.ExitCode() != test.status || !strings.Contains(p.stderr.String(), test.says) {
				t.Errorf("it ended with %v and said %s", err, p.stderr)
			}
			if last, err := os.ReadFile(words); err != nil || !strings.Contains(string(last), test.says) {
				t.Errorf("its last words are %q, %v", last, err)
			}
		})
	}
}

func replace(t *testing.T, path, before, after string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(content, []byte(before), []byte(after)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAStopTakesRequestsThatCameByARouteOfBefore(t *testing.T) {
	t.Parallel()
	p := start(t, "-model-dir", modelFolder(t, "digits.onnx"), "-linger", "500ms")
	p.line(t, "ready ")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(250 * time.Millisecond); time.Now().Before(end); {
		answer, err := http.Get(p.address + "/v2/health/live")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, p.stderr)
	}
}

func TestTakesNoMoreThreadsThanItsContainerHas(t *testing.T) {
	t.Parallel()
	limited := exec.CommandContext(t.Context(), os.Args[0], "-help")
	limited.Env = append(os.Environ(), "MAAS_ONNX_MAIN=1", "GOMAXPROCS=1")
	out, err := limited.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if want := "one for each core (default 1)"; runtime.NumCPU() > 1 && !strings.Contains(string(out), want) {
		t.Errorf("-help does not say %q: %s", want, out)
	}
}

func TestRefusesWrongFlags(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{
		{"-device", "tpu"}, {"-intra-op-threads", "-1"}, {"-max-body", "0"}, {"-concurrent-runs", "0"}, {"-read-timeout", "0s"}, {"surplus"}, {"-nonsense"},
	} {
		if _, err := parse(arguments, io.Discard); err == nil {
			t.Errorf("%v was taken", arguments)
		}
	}
}

func TestScriptAndProgramMeanTheSameLibrary(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("library.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "\nversion="+ort.Version+" ") {
		t.Errorf("library.sh does not fetch version %s", ort.Version)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	path, err := exec.CommandContext(ctx, "./library.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(path))); err != nil {
		t.Errorf("library.sh printed %q: %v", path, err)
	}
}
