package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formatstest"
	"github.com/17882237881/MaaS/shared/termination"
)

// folderOf makes a version's folder of one model.
func folderOf(t *testing.T, model []byte) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "model.onnx"), model, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestALoadThatNeedsMoreMemoryThanAllowedEnds(t *testing.T) {
	t.Parallel()
	const side, steps = 256, 1500 // 256 KiB each
	for _, threads := range []string{"1", "64"} {
		p := start(t, "-model-dir", folderOf(t, formatstest.Folding(side, steps)), "-memory", "134217728", "-intra-op-threads", threads)
		_ = p.Wait()
		if code := p.ProcessState.ExitCode(); code != termination.OutOfMemory || !strings.Contains(p.stderr.String(), "needed more memory than the 128 MiB") {
			t.Errorf("with %s threads it ended with %d: %s", threads, code, p.stderr)
		}
	}
}

func TestALoadThatNeedsMoreCPUTimeThanAllowedEnds(t *testing.T) {
	t.Parallel()
	const side, steps = 2048, 500 // half a second of CPU time each
	p := start(t, "-model-dir", folderOf(t, formatstest.Folding(side, steps)), "-load-time", "1s")
	_ = p.Wait()
	if code := p.ProcessState.ExitCode(); code != termination.OutOfTime || !strings.Contains(p.stderr.String(), "more CPU time to load than the 1s") {
		t.Errorf("it ended with %d: %s", code, p.stderr)
	}
	if used := p.ProcessState.UserTime() + p.ProcessState.SystemTime(); used.Seconds() > 4 {
		t.Errorf("it used %s of CPU time", used)
	}
}

// TestARunThatNeedsMoreMemoryThanAllowedFailsAlone has as many runs fail as leave nothing of the memory if each keeps some.
func TestARunThatNeedsMoreMemoryThanAllowedFailsAlone(t *testing.T) {
	t.Parallel()
	p := start(t, "-model-dir", folderOf(t, formatstest.Filling()), "-memory", "268435456", "-load-time", "1s")
	p.line(t, "ready ")
	fill := func(count, status int, says string) {
		body := fmt.Sprintf(`{"inputs": [{"name": "n", "shape": [1], "datatype": "INT64", "data": [%d]}]}`, count)
		answer, err := http.Post(p.address+"/v2/models/any/infer", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatalf("%d numbers: %v: %s", count, err, p.stderr)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != status || !strings.Contains(string(text), says) {
			t.Fatalf("%d numbers are answered with %d: %s", count, answer.StatusCode, text)
		}
	}
	for range 300 {
		fill(775_000_000, http.StatusUnprocessableEntity, "needed more memory than the 256 MiB")
		fill(10, http.StatusOK, "[0]")
	}
	for megabytes := 20; megabytes <= 160; megabytes += 20 {
		fill(megabytes*250_000, http.StatusOK, "[0]")
	}
	fill(10, http.StatusOK, "[0]")
}

func TestTheCPUTimeOfRunsIsNotThatOfTheLoad(t *testing.T) {
	t.Parallel()
	p := start(t, "-model-dir", modelFolder(t, "slow.onnx"), "-load-time", "1s")
	p.line(t, "ready ")
	lift, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lift)) {
		if strings.HasPrefix(line, "Max cpu time") && !strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(line, "Max cpu time")), "unlimited") {
			t.Errorf("it still has the limit of its load: %s", line)
		}
	}
}

func TestALoadThatIsStoppedEndsAtOnce(t *testing.T) {
	t.Parallel()
	const side, steps = 4096, 100
	p := start(t, "-model-dir", folderOf(t, formatstest.Folding(side, steps)), "-drain", "60s")
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, p.stderr)
	}
}
