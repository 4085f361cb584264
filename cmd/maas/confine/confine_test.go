package confine_test

import (
	"bufio"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/cmd/maas/confine"
	"github.com/17882237881/MaaS/shared/allowance"
)

// TestMain serves as the child that takes memory, too.
func TestMain(m *testing.M) {
	if text := os.Getenv("CONFINE_TAKES"); text != "" {
		take(text)
		return
	}
	goleak.VerifyTestMain(m)
}

// take takes as many MiB, a MiB at a time, says so, and waits for the end of its stdin.
func take(text string) {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	var all [][]byte
	for range n {
		all = append(all, []byte(strings.Repeat("x", 1<<20)))
		time.Sleep(time.Millisecond)
	}
	os.Stdout.WriteString("taken\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(len(all[0]) & 1)
}

// child starts this program in a cell that gives it 64 MiB.
func child(t *testing.T, takes int) (*exec.Cmd, *confine.Cell, *bufio.Reader) {
	t.Helper()
	cell := confine.New(slog.New(slog.DiscardHandler)).Cell(allowance.Allowance{Memory: 64 << 20})
	t.Cleanup(cell.Leave)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "CONFINE_TAKES="+strconv.Itoa(takes))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cell.Enter(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cell.Watch(cmd.Process.Pid)
	return cmd, cell, bufio.NewReader(out)
}

func TestAChildThatTakesMoreMemoryThanItIsGivenIsEnded(t *testing.T) {
	t.Parallel()
	cmd, cell, out := child(t, 1000)
	line, _ := out.ReadString('\n')
	err := cmd.Wait()
	cell.Leave()
	if line != "" || err == nil || !cell.Exceeded() {
		t.Errorf("it said %q and ended with %v; exceeded: %v", line, err, cell.Exceeded())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.Logf("it was given 64 MiB, and took at most %d MiB, with its files", usage.Maxrss>>10)
	}
}

func TestAChildWithinItsMemoryIsLeftAlone(t *testing.T) {
	t.Parallel()
	_, cell, out := child(t, 16)
	if line, err := out.ReadString('\n'); line != "taken\n" {
		t.Fatalf("it said %q, %v", line, err)
	}
	time.Sleep(300 * time.Millisecond) // three looks
	cell.Leave()
	cell.Leave()
	if cell.Exceeded() {
		t.Error("it is said to have taken too much")
	}
}

func TestAChildIsTheFirstToGoWhenMemoryRunsOut(t *testing.T) {
	t.Parallel()
	cmd, _, _ := child(t, 1)
	text, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || n < 800 {
		t.Errorf("its oom_score_adj is %s", text)
	}
}

func TestTheMemoryIsKnown(t *testing.T) {
	t.Parallel()
	if n := confine.Memory(); n < 64<<20 || n > 1<<50 {
		t.Errorf("it is %d", n)
	}
}
