package main

import (
	"bufio"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStoresGivesTheCommandsExitStatus(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -KILL $$": 128 + 9} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			err := program(t.Context(), "stores", "--data", temporary, "--fast", "--", "sh", "-c", script).Run()

			if got := status(t, err); got != want {
				t.Errorf("exit status %d, want %d", got, want)
			}
		})
	}
}

func TestStoresTellsTheCommandWhereTheServersAre(t *testing.T) {
	t.Parallel()
	text, err := program(t.Context(), "stores", "--data", temporary, "--fast", "--", "env").Output()
	must(t, err)

	for _, name := range []string{
		"DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL", "S3_ENDPOINT", "S3_REGION", "S3_BUCKET", "S3_ACCESS_KEY_ID",
		"S3_SECRET_ACCESS_KEY", "S3_READER_ACCESS_KEY_ID", "S3_READER_SECRET_ACCESS_KEY",
	} {
		if !strings.Contains("\n"+string(text), "\n"+name+"=") {
			t.Errorf("%s is not set", name)
		}
	}
}

func TestStoresRemovesATemporaryFolder(t *testing.T) {
	t.Parallel()
	text, err := program(t.Context(), "stores", "--data", temporary, "--fast", "--", "printenv", "DATABASE_URL").Output()
	must(t, err)
	address, err := url.Parse(strings.TrimSpace(string(text)))
	must(t, err)

	if _, err := os.Stat(address.Query().Get("host")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

func TestStoresPassesSignalsOn(t *testing.T) {
	t.Parallel()
	const script = "trap 'exit 5' TERM; echo ready; while true; do sleep 0.01; done"
	cmd, line := begin(t, "stores", "--data", temporary, "--fast", "--", "sh", "-c", script)
	if line != "ready" {
		t.Fatalf("the command said %q", line)
	}

	must(t, cmd.Process.Signal(syscall.SIGTERM))

	if got := status(t, cmd.Wait()); got != 5 {
		t.Errorf("exit status %d, want the command's own", got)
	}
}

func TestStoresWithoutACommandPrintsVariablesAndWaits(t *testing.T) {
	t.Parallel()
	cmd, line := begin(t, "stores", "--data", temporary, "--fast")
	if !strings.HasPrefix(line, "export DATABASE_URL='postgres://") {
		t.Errorf("the first line is %q", line)
	}

	must(t, cmd.Process.Signal(os.Interrupt))

	must(t, cmd.Wait())
}

func TestStoresKilledTakesItsCommandAlong(t *testing.T) {
	t.Parallel()
	cmd, line := begin(t, "stores", "--data", temporary, "--fast", "--", "sh", "-c", "echo $$; exec sleep 300")
	pid, err := strconv.Atoi(line)
	must(t, err)

	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed

	for deadline := time.Now().Add(30 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the command lives on")
		}
	}
}

func TestStoresSaysWhoHasTheFolder(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first, _ := begin(t, "stores", "--data", data, "--fast")
	second := program(t.Context(), "stores", "--data", data, "--fast")

	text, err := second.CombinedOutput()

	const conflict = 5 // of the command's exit statuses
	want := "another maas stores (pid " + strconv.Itoa(first.Process.Pid) + ") uses " + data
	if status(t, err) != conflict || !strings.Contains(string(text), want) {
		t.Errorf("it said %q, want %q", text, want)
	}
	must(t, first.Process.Signal(os.Interrupt))
	must(t, first.Wait())
}

// begin starts the program and returns the first line of its output.
func begin(t *testing.T, arguments ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := program(t.Context(), arguments...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	must(t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the program
	return cmd, strings.TrimSpace(line)
}

func status(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err == nil {
		return 0
	}
	return exit.ExitCode()
}

// alive reports whether a process runs; one that has ended and waits to be reaped does not.
func alive(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	return err == nil && !strings.Contains(string(text), "State:\tZ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
