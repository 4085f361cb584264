package ort_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/runtimes/onnx/ort"
)

// aborting is the environment variable that makes this test's program abort instead of running tests. Its value is "unlimited", or else the program may
// allocate nothing more.
const aborting = "MAAS_ORT_ABORTING"

// TestMain aborts if the environment variable says so.
func TestMain(m *testing.M) {
	switch os.Getenv(aborting) {
	case "":
		os.Exit(m.Run())
	case "unlimited":
		abort(^uint64(0))
	default:
		abort(1)
	}
}

// abort bounds the process's data (RLIMIT_DATA, in bytes), and sends SIGABRT to it.
func abort(bound uint64) {
	ort.OnOutOfMemory(ort.LastWords{Status: 5, Least: 1 << 20, Log: "no memory\n", Path: os.Getenv("MAAS_ORT_PATH"), Reason: "more than there was"})
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bound, Max: ^uint64(0)})
	_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
	time.Sleep(time.Minute)
}

func TestAProcessThatAbortsForWantOfMemorySaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bound       string
		status      int
		log, reason string
	}{{"none", 5, "no memory\n", "more than there was"}, {"unlimited", 2, "SIGABRT: abort", ""}} {
		path := filepath.Join(t.TempDir(), "reason")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		process := exec.CommandContext(t.Context(), os.Args[0])
		process.Env = append(os.Environ(), aborting+"="+c.bound, "MAAS_ORT_PATH="+path)

		said, err := process.CombinedOutput()

		exit, _ := errors.AsType[*exec.ExitError](err)
		reason, _ := os.ReadFile(path)
		if exit == nil || exit.ExitCode() != c.status || !strings.HasPrefix(string(said), c.log) || string(reason) != c.reason {
			t.Errorf("with the bound %s it ends with %v, %q in its file, and %.100q", c.bound, err, reason, said)
		}
	}
}
