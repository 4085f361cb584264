// Package confine bounds what child processes take of the machine: by a cgroup each where this process may make some, else by a watch on their memory.
// Each is also the first that the kernel ends when memory runs out.
package confine

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/17882237881/MaaS/shared/allowance"
)

// Confiner makes cells. It is safe for concurrent use.
type Confiner struct {
	cells string // folder of cgroup v2 in which cells have theirs; "" where there is none
	log   *slog.Logger
	made  atomic.Int64
}

// New returns the machine's confiner. Without cgroups it may write to, which is logged, the confiner only watches
// memory and does not limit CPU.
func New(log *slog.Logger) *Confiner {
	cells, err := delegated("/proc/self")
	if err != nil {
		log.Info("model servers have no cgroups of their own: their memory is watched, and their CPU has no bound but their threads", "reason", err)
	}
	return &Confiner{cells: cells, log: log}
}

// Cell is what one child is confined to. Enter is called before its start, Watch as soon as it runs, and Leave when it has ended or was not started.
type Cell struct {
	allowed allowance.Allowance
	log     *slog.Logger
	group   *group // nil where it is watched

	over     atomic.Bool
	ended    chan struct{}
	watching sync.WaitGroup
	leave    func()
}

// Cell makes a cell with a cgroup of its own. Where none can be made, which is logged, its memory is watched instead. The caller calls Leave
// at the end.
func (c *Confiner) Cell(allowed allowance.Allowance) *Cell {
	cell := &Cell{allowed: allowed, log: c.log, ended: make(chan struct{})}
	cell.leave = sync.OnceFunc(cell.end)
	if c.cells == "" {
		return cell
	}
	g, err := newGroup(c.cells, "model-"+strconv.FormatInt(c.made.Add(1), 10), allowed)
	if err != nil {
		c.log.Warn("a model server has no cgroup: its memory is watched", "error", err)
		return cell
	}
	cell.group = g
	return cell
}

// Enter makes the command start in the cell's cgroup. It does nothing for a cell without one.
func (c *Cell) Enter(cmd *exec.Cmd) {
	if c.group != nil {
		c.group.enter(cmd)
	}
}

// watchEvery is between two looks at a child's memory. Between them the child's own limit holds it (maas-onnx sets RLIMIT_DATA).
const watchEvery = 100 * time.Millisecond

// firstToGo is the oom_score_adj of confined processes: at 1000 the kernel takes nothing else before them (proc_pid_oom_score_adj(5)).
const firstToGo = 800

// Watch marks a process that has just started as the first that the kernel ends when memory runs out. Without a cgroup it also begins to watch
// the process's memory, and kills it when it takes more than allowed. It does not wait.
func (c *Cell) Watch(pid int) {
	process, err := os.FindProcess(pid) // which stands for this process alone, whoever has its id later
	if err != nil {
		return
	}
	folder := "/proc/" + strconv.Itoa(pid)
	_ = os.WriteFile(folder+"/oom_score_adj", []byte(strconv.Itoa(firstToGo)), 0) // there is none but on Linux, and ours may be higher
	if c.group != nil || c.allowed.Memory == 0 {
		return
	}
	status, err := os.Open(folder + "/status")
	if err != nil {
		return // this is not Linux
	}
	c.watching.Go(func() { c.watch(process, status) }) // ends with the process, and with Leave
}

// watch looks at the process's memory every watchEvery, and kills the process if it takes more than allowed. It returns then, when the process
// has ended, and at Leave. It closes status.
func (c *Cell) watch(process *os.Process, status *os.File) {
	defer func() { _ = status.Close() }() // only read from
	clock := time.NewTicker(watchEvery)
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
		case <-c.ended:
			return
		}
		taken, err := memoryOf(status)
		if err != nil {
			return // it has ended
		}
		if taken > c.allowed.Memory {
			c.over.Store(true)
			c.log.Warn("a model server takes more memory than it is given, and is ended", "bytes", taken, "given", c.allowed.Memory)
			_ = process.Kill() // it may have ended
			return
		}
	}
}

// memoryOf returns the bytes of memory that a process has for itself, swapped out or not, from its open /proc/PID/status. Mapped files are not
// counted. It fails once the process has ended.
func memoryOf(status *os.File) (int64, error) {
	text := make([]byte, 8<<10)
	n, err := status.ReadAt(text, 0)
	if n == 0 {
		return 0, err
	}
	var sum int64
	found := false
	for line := range strings.Lines(string(text[:n])) {
		name, value, _ := strings.Cut(line, ":")
		if name != "RssAnon" && name != "RssShmem" && name != "VmSwap" {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", line, err)
		}
		sum, found = sum+kilobytes<<10, true
	}
	if !found {
		return 0, os.ErrProcessDone // a zombie has no memory
	}
	return sum, nil
}

// Exceeded reports whether the child was ended because it took more memory than it was given.
func (c *Cell) Exceeded() bool { return c.over.Load() || c.group != nil && c.group.killed() }

// Leave ends the watch, kills what is left of the child in the cell's cgroup, and removes the cgroup. It may be called more than once.
func (c *Cell) Leave() { c.leave() }

// end does the work of Leave. It is called once.
func (c *Cell) end() {
	close(c.ended)
	c.watching.Wait()
	if c.group == nil {
		return
	}
	c.over.Store(c.group.killed())
	if err := c.group.remove(); err != nil {
		c.log.Warn("the cgroup of a model server was not removed", "error", err)
	}
}

// Memory returns the bytes of memory that this process and its children may take: the machine's, or the limit of the container or service that it runs in
// if that is less; 0 where neither is known.
func Memory() int64 {
	machine, limit := machineMemory(), memoryLimit("/proc/self")
	if machine == 0 || limit == 0 {
		return max(machine, limit)
	}
	return min(machine, limit)
}

// machineMemory returns the bytes of the machine's memory, 0 where that is not known.
func machineMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "MemTotal:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
