package stores

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServersDieWithAParentThatIsKilled(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := startParent(t, data)
	execute(t, p.vars["MIGRATE_DATABASE_URL"], "create table kept as select 42 as answer")

	p.kill()

	eventually(t, "no process is left", func() bool { return len(processesOn(t, data)) == 0 })
	s := begin(t, hold(t, data))
	if got := query[int](t, s.Postgres.MigrateURL, "select answer from kept"); got != 42 {
		t.Errorf("answer = %d", got)
	}
}

func TestAStartRightAfterAKillFindsItsWay(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for range 3 {
		startParent(t, data).kill()
	}

	begin(t, hold(t, data))
}

func TestAKillDuringTheFirstStartLeavesNoHalfDatabase(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for i := range 5 {
		cmd := exec.Command(os.Args[0], "parent", data)
		must(t, cmd.Start())
		time.Sleep(time.Duration(i) * 120 * time.Millisecond)
		must(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
	}

	s := begin(t, hold(t, data))

	if got := query[int](t, s.Postgres.URL, "select 1"); got != 1 {
		t.Errorf("postgres answered %d", got)
	}
}

func TestAnOldPidFileDoesNotStopPostgres(t *testing.T) {
	t.Parallel()
	folder := hold(t, t.TempDir())
	begin(t, folder).Stop(t.Context())
	other := exec.Command("sleep", "300") // lives under the id that the file names
	must(t, other.Start())
	t.Cleanup(func() {
		must(t, other.Process.Kill())
		_ = other.Wait() // killed
	})
	pidFile := filepath.Join(folder.Path, "postgres", "data", "postmaster.pid")
	must(t, os.WriteFile(pidFile, []byte(strconv.Itoa(other.Process.Pid)+"\n"), 0o666))

	s := begin(t, folder)

	if got := query[int](t, s.Postgres.URL, "select 1"); got != 1 {
		t.Errorf("postgres answered %d", got)
	}
	must(t, other.Process.Signal(syscall.Signal(0))) // it was left alone
}

func TestTemporaryFoldersOfTheKilledGo(t *testing.T) {
	t.Parallel()
	left, err := HoldTemporary("a test")
	must(t, err)
	must(t, left.lock.Close()) // as a kill does

	next, err := HoldTemporary("a test")
	must(t, err)
	t.Cleanup(func() { must(t, next.Close()) })

	if exists(left.Path) {
		t.Error("it is there")
	}
}

// parentProcess is another process that has started the servers.
type parentProcess struct {
	t    *testing.T
	cmd  *exec.Cmd
	vars map[string]string
}

func startParent(t *testing.T, data string) *parentProcess {
	t.Helper()
	p := &parentProcess{t: t, cmd: exec.Command(os.Args[0], "parent", data), vars: map[string]string{}}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	must(t, err)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(func() { _ = in.Close() }) // it may be killed
	p.read(out)
	return p
}

// read takes in the variables, up to an empty line.
func (p *parentProcess) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), "=")
		p.vars[name] = value
	}
	if len(p.vars) == 0 {
		p.t.Fatal("the servers did not start")
	}
}

func (p *parentProcess) kill() {
	p.t.Helper()
	must(p.t, p.cmd.Process.Kill())
	_ = p.cmd.Wait() // killed
}
