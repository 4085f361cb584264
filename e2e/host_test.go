package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// host is a `maas up` that can be killed and started again on the same data and address.
type host struct {
	data   string
	listen string
	url    string
	more   []string // variables, besides those of the machine

	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone and its output is read
	log     logged
}

const (
	startsWithin = time.Minute // the first time; it is much quicker on a machine that does nothing else
	stopsWithin  = 10 * time.Second
)

func newHost(data string, more ...string) *host {
	return &host{data: data, listen: freeAddress(), more: more}
}

// freeAddress gives an address whose port the kernel gives to no client (ip_local_port_range begins at 32768), so that a host that was killed
// finds it free again.
func freeAddress() string {
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
}

// up starts a host that goes with the test. What it logged is shown if the test fails.
func up(t *testing.T, more ...string) *host {
	t.Helper()
	return upOn(t, temporary(t), more...)
}

// upOn starts a host on a data folder.
func upOn(t *testing.T, data string, more ...string) *host {
	t.Helper()
	h := newHost(data, more...)
	must(t, h.start())
	t.Cleanup(func() {
		h.stop()
		if t.Failed() {
			t.Logf("maas up wrote:\n%s", h.log.tail())
		}
	})
	return h
}

// temporary makes a folder with a short path, since Unix sockets lie below it.
func temporary(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp(the.scratch, "") //nolint:usetesting // t.TempDir's is too long
	must(t, err)
	return folder
}

// start returns when the host is ready.
func (h *host) start() error {
	h.process = exec.Command(filepath.Join(the.programs, "maas"), "up", "--fast", "--data", h.data, "--listen", h.listen)
	h.process.Env = append(machine(), h.more...)
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
		h.kill()
		return fmt.Errorf("maas up is not ready within %s:\n%s", startsWithin, h.log.tail())
	}
}

func (h *host) isReady(line string) error {
	url, ok := strings.CutPrefix(line, "ready ")
	if !ok {
		<-h.ended
		return fmt.Errorf("maas up said %q:\n%s", line, h.log.tail())
	}
	h.url = url
	return nil
}

// kill ends the host as a power cut would, but for the disk. Its children die with it.
func (h *host) kill() {
	_ = h.process.Process.Kill() // it may be gone
	<-h.ended
}

// stop ends the host as Ctrl-C does.
func (h *host) stop() {
	if h.process == nil || h.process.Process == nil {
		return
	}
	_ = h.process.Process.Signal(os.Interrupt) // it may be gone
	select {
	case <-h.ended:
	case <-time.After(stopsWithin + 5*time.Second):
		h.kill()
	}
}

// restart starts the host again after a kill.
func (h *host) restart(t *testing.T) {
	t.Helper()
	must(t, h.start())
}

// machine is the environment of a process that is to find nothing prepared: without servers, and without this user's sessions.
func machine() []string {
	var kept []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		server := name == "DATABASE_URL" || name == "MIGRATE_DATABASE_URL" || name == "REDIS_URL" || name == "K_SINK" || strings.HasPrefix(name, "S3_")
		if !server && !strings.HasPrefix(name, "MAAS_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// stores runs Postgres and the S3 server alone on a host's data, after the host has ended, and gives the variables that they are found by.
func (h *host) stores(t *testing.T) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(the.programs, "maas"), "stores", "--fast", "--data", h.data, "--", "sh", "-c", "env; echo; exec sleep 600")
	cmd.Env = append(machine(), h.more...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = &h.log
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	vars := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), "=")
		vars[name] = value
	}
	if vars["DATABASE_URL"] == "" {
		t.Fatalf("maas stores did not start: %v\n%s", lines.Err(), h.log.tail())
	}
	return vars
}

// quiet waits until no event of a host with a Postgres of its own is on its way.
func (h *host) quiet(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, "postgres://postgres@/maas?host="+filepath.Join(h.data, "run"))
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	eventually(t, "all events have arrived", time.Minute, func() bool {
		var waiting int
		must(t, conn.QueryRow(ctx, `select count(*) from outbox where done_at is null`).Scan(&waiting))
		return waiting == 0
	})
}

// logged keeps the end of what a process writes.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const keptLog = 64 << 10

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > keptLog {
		l.text.Next(l.text.Len() - keptLog/2)
	}
	return l.text.Write(p)
}

func (l *logged) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// exitStatus is that of a command that ran, as a shell gives it.
func exitStatus(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}
