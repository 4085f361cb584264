package e2etest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Host is a `maas up` that can be killed and started again on the same data and address.
type Host struct {
	Data string // its folder
	URL  string // once it is ready

	// Files bounds how many files the process may have open, as `ulimit -n` does; 0 leaves the limit of the tests.
	Files int

	listen string
	more   []string // variables, besides those of the machine

	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone and its output is read
	log     Log
}

const (
	startsWithin = time.Minute // the first time; it is much quicker on a machine that does nothing else
	stopsWithin  = 10 * time.Second
)

// NewHost returns a host with the data folder at a free address, which is not started. more are variables besides those of the machine.
func NewHost(data string, more ...string) *Host {
	return &Host{Data: data, listen: FreeAddress(), more: more}
}

// Up starts a host with a new data folder, and stops it when the test ends. If the test fails, what the host logged is shown.
func Up(t testing.TB, more ...string) *Host {
	t.Helper()
	return UpOn(t, Folder(t), more...)
}

// UpOn is Up with the given data folder.
func UpOn(t testing.TB, data string, more ...string) *Host {
	t.Helper()
	h := NewHost(data, more...)
	Must(t, h.Start())
	t.Cleanup(func() {
		h.Stop()
		if t.Failed() {
			t.Logf("maas up wrote:\n%s", h.log.String())
		}
	})
	return h
}

// Start starts the host and waits until it is ready. It fails, with what the host logged, if that takes longer than a minute.
func (h *Host) Start() error {
	h.process = exec.Command(program("maas"), "up", "--fast", "--data", h.Data, "--listen", h.listen)
	if h.Files > 0 {
		h.process = exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, h.Files), "sh"}, h.process.Args...)...)
	}
	h.process.Env = append(Machine(), h.more...)
	h.process.Stderr = &h.log
	out, err := h.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.process.Start(); err != nil {
		return err
	}
	h.ended = make(chan struct{})
	ready := make(chan string, 1)
	go func() { // ends with the process
		lines := bufio.NewReader(out)
		line, _ := lines.ReadString('\n')
		ready <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, lines)
		_ = h.process.Wait() // its log says what was wrong
		close(h.ended)
	}()
	select {
	case line := <-ready:
		return h.isReady(line)
	case <-time.After(startsWithin):
		h.Kill()
		return fmt.Errorf("maas up is not ready within %s:\n%s", startsWithin, h.log.String())
	}
}

// isReady sets the host's URL from the first line that it wrote. It fails if that does not say that the host is ready.
func (h *Host) isReady(line string) error {
	url, ok := strings.CutPrefix(line, "ready ")
	if !ok {
		<-h.ended
		return fmt.Errorf("maas up said %q:\n%s", line, h.log.String())
	}
	h.URL = url
	return nil
}

// Kill kills the host and its child processes, as a power cut would, except for the disk. It returns when the host is gone.
func (h *Host) Kill() {
	_ = h.process.Process.Kill() // it may be gone
	<-h.ended
}

// Signal sends a signal to the host.
func (h *Host) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	Must(t, h.process.Process.Signal(s))
}

// Ended returns a channel that is closed when the host's process is gone.
func (h *Host) Ended() <-chan struct{} { return h.ended }

// Stop ends the host as Ctrl-C does, and kills it if that takes too long. It does nothing if the host was never started.
func (h *Host) Stop() {
	if h.process == nil || h.process.Process == nil {
		return
	}
	_ = h.process.Process.Signal(os.Interrupt) // it may be gone
	select {
	case <-h.ended:
	case <-time.After(stopsWithin + 5*time.Second):
		h.Kill()
	}
}

// Restart starts the host again with the same data and address, after it was killed. It ends the test on an error.
func (h *Host) Restart(t testing.TB) {
	t.Helper()
	Must(t, h.Start())
}

// Stores runs only Postgres and the S3 server on the data of a host that has ended, until the test ends. It returns the variables with their
// addresses.
func (h *Host) Stores(t testing.TB) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program("maas"), "stores", "--fast", "--data", h.Data, "--", "sh", "-c", "env; echo; exec sleep 600")
	cmd.Env = append(Machine(), h.more...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = &h.log
	out, err := cmd.StdoutPipe()
	Must(t, err)
	Must(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	vars := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), "=")
		vars[name] = value
	}
	if vars["DATABASE_URL"] == "" {
		t.Fatalf("maas stores did not start: %v\n%s", lines.Err(), h.log.String())
	}
	return vars
}

// Quiet waits until all events of a host with its own Postgres have been handled, for at most a minute, or ends the test.
func (h *Host) Quiet(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, "postgres://postgres@/maas?host="+filepath.Join(h.Data, "run"))
	Must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	Eventually(t, "all events have arrived", time.Minute, func() bool {
		var waiting int
		Must(t, conn.QueryRow(ctx, `select count(*) from outbox where done_at is null`).Scan(&waiting))
		return waiting == 0
	})
}
