package confine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/17882237881/MaaS/shared/allowance"
)

// hostGroup is where this process and its other children go: of a cgroup, either its processes or its children are controlled
// (cgroups(7), "no internal processes").
const hostGroup = "host"

// delegated prepares the cgroup v2 of this process for cells and returns its folder; self is the process's folder in /proc. It moves the
// processes in it into a cgroup below. It fails where there is no cgroup v2 with memory and cpu, where this process may not write to it, and
// where others' processes are in it.
func delegated(self string) (string, error) {
	own, err := ownGroup(self)
	if err != nil {
		return "", err
	}
	controllers, err := os.ReadFile(filepath.Join(own, "cgroup.controllers"))
	if err != nil {
		return "", err
	}
	for _, needed := range []string{"memory", "cpu"} {
		if !slices.Contains(strings.Fields(string(controllers)), needed) {
			return "", fmt.Errorf("the cgroup %s has no controller %s", own, needed)
		}
	}
	return own, makeRoom(own)
}

// ownGroup returns the folder of a process's cgroup v2. self is the process's folder in /proc. It fails where there is none.
func ownGroup(self string) (string, error) {
	folder, _, err := unified.find(self)
	return folder, err
}

// hierarchy is one of the trees of cgroups.
type hierarchy struct {
	name       string
	kind       string // of its file system
	controller string // "" for v2, whose tree has all of them
	limit      string // the file of a cgroup's limit of memory
}

var (
	unified  = hierarchy{"cgroup v2", "cgroup2", "", "memory.max"}
	memoryV1 = hierarchy{"memory cgroup v1", "cgroup", "memory", "memory.limit_in_bytes"}
)

// find returns the folder of a process's cgroup in this tree, and where the tree is mounted. self is the process's folder in /proc. It fails
// if the process has no cgroup in the tree or the tree is not mounted.
func (h hierarchy) find(self string) (folder, top string, err error) {
	text, err := os.ReadFile(filepath.Join(self, "cgroup"))
	if err != nil {
		return "", "", err
	}
	path := ""
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // its number, controllers and path
		if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), h.controller) {
			path = fields[2]
		}
	}
	mounts, err := os.ReadFile(filepath.Join(self, "mountinfo"))
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		fields, about := strings.Fields(before), strings.Fields(after) // about has the kind, the source and the options
		if len(fields) < 5 || len(about) < 3 || about[0] != h.kind || h.controller != "" && !slices.Contains(strings.Split(about[2], ","), h.controller) {
			continue
		}
		if below, ok := strings.CutPrefix(path, strings.TrimSuffix(fields[3], "/")); ok && path != "" { // fields[3] is the part that is mounted
			return filepath.Join(fields[4], below), fields[4], nil
		}
	}
	return "", "", fmt.Errorf("there is no %s", h.name)
}

// memoryLimit returns the lowest memory limit, in bytes, of a process's cgroups and those above them; 0 if none has one. self is the process's
// folder in /proc.
func memoryLimit(self string) (least int64) {
	for _, h := range []hierarchy{unified, memoryV1} {
		folder, top, err := h.find(self)
		if err != nil {
			continue
		}
		for ; strings.HasPrefix(folder, top); folder = filepath.Dir(folder) {
			text, _ := os.ReadFile(filepath.Join(folder, h.limit)) // the root has none
			n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil && n > 0 && (least == 0 || n < least) { // "max" is no number
				least = n
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return least
}

// makeRoom moves the processes of the cgroup into one below it, turns the controllers on for cells beside that, and removes empty cells of a
// former process. It fails if one of the processes does not descend from this one.
func makeRoom(own string) (err error) {
	procs := filepath.Join(own, "cgroup.procs")
	pids, err := pidsIn(procs)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if !ours(pid) {
			return fmt.Errorf("the cgroup %s has processes that are not this one's", own)
		}
	}
	host := filepath.Join(own, hostGroup)
	if err := os.Mkdir(host, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	for _, pid := range pids {
		if err := os.WriteFile(filepath.Join(host, "cgroup.procs"), []byte(pid), 0o600); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(own, "cgroup.subtree_control"), []byte("+memory +cpu"), 0o600); err != nil {
		return err
	}
	former, err := filepath.Glob(filepath.Join(own, "model-*"))
	for _, left := range former {
		_ = os.Remove(left) // of a former process, whose children are gone
	}
	return err
}

// pidsIn returns the ids in a cgroup's file of processes.
func pidsIn(procs string) ([]string, error) {
	text, err := os.ReadFile(procs)
	return strings.Fields(string(text)), err
}

// ours reports whether the process is this one or descends from it, or is gone.
func ours(pid string) bool {
	self := strconv.Itoa(os.Getpid())
	for pid != self {
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return errors.Is(err, os.ErrNotExist)
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] == "0" || fields[1] == "1" {
			return false
		}
		pid = fields[1] // the parent
	}
	return true
}

// group is the cgroup of one cell.
type group struct {
	folder string
	handle *os.File
}

// share is a model server's part of the CPU while others want it; this process and the stores have 100 (cgroups: cpu.weight).
const share = 25

// newGroup creates a cgroup of the name in the folder cells, with the limits of allowed. remove takes it away; after an error nothing is left.
func newGroup(cells, name string, allowed allowance.Allowance) (*group, error) {
	g := &group{folder: filepath.Join(cells, name)}
	if err := os.Mkdir(g.folder, 0o700); err != nil {
		return nil, err
	}
	err := g.set(allowed)
	if err == nil {
		g.handle, err = os.Open(g.folder)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(g.folder))
	}
	return g, nil
}

// set writes the limits of the cgroup. 0 stands for no limit.
func (g *group) set(allowed allowance.Allowance) error {
	settings := [][2]string{{"memory.oom.group", "1"}, {"cpu.weight", strconv.Itoa(share)}}
	if allowed.Memory > 0 {
		settings = append(settings, [2]string{"memory.max", strconv.FormatInt(allowed.Memory, 10)})
	}
	if allowed.CPU > 0 {
		const period = 100_000 // µs
		settings = append(settings, [2]string{"cpu.max", fmt.Sprintf("%d %d", max(1000, allowed.CPU*period/1000), period)})
	}
	for _, s := range settings {
		if err := os.WriteFile(filepath.Join(g.folder, s[0]), []byte(s[1]), 0o600); err != nil {
			return err
		}
	}
	if allowed.Memory > 0 {
		_ = os.WriteFile(filepath.Join(g.folder, "memory.swap.max"), []byte("0"), 0o600) // a kernel without swap has none
	}
	return nil
}

// enter makes the command start in the cgroup.
func (g *group) enter(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(g.handle.Fd())
}

// killed reports whether the kernel has ended a process of the cgroup because it was out of memory. It returns false once the cgroup is gone.
func (g *group) killed() bool {
	text, _ := os.ReadFile(filepath.Join(g.folder, "memory.events")) // it is gone with the cgroup
	for line := range strings.Lines(string(text)) {
		if count, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return count != "0"
		}
	}
	return false
}

// remove kills the processes that are left in the cgroup and removes it. It tries for 200 ms, until the kernel lets go of it.
func (g *group) remove() (err error) {
	_ = g.handle.Close()
	_ = os.WriteFile(filepath.Join(g.folder, "cgroup.kill"), []byte("1"), 0o600) // Linux 5.14; nothing is left mostly
	for range 20 {
		if err = os.Remove(g.folder); err == nil || !errors.Is(err, syscall.EBUSY) {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
	return err
}
