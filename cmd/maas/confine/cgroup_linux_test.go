package confine

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/allowance"
)

// process makes what /proc says of a process in a cgroup of a hierarchy that is mounted at a folder, and the cgroup.
func process(t *testing.T, controllers, pids string) (self, own string) {
	t.Helper()
	self, mounted := t.TempDir(), t.TempDir()
	own = filepath.Join(mounted, "maas.service")
	write(t, filepath.Join(self, "cgroup"), "4:memory:/other\n0::/system.slice/maas.service\n")
	write(t, filepath.Join(self, "mountinfo"), "25 1 0:22 / /proc rw - proc none rw\n30 1 0:26 /system.slice "+mounted+" rw,nosuid - cgroup2 none rw\n")
	write(t, filepath.Join(own, "cgroup.controllers"), controllers)
	write(t, filepath.Join(own, "cgroup.procs"), pids)
	return self, own
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestADelegatedCgroupIsMadeRoomIn(t *testing.T) {
	t.Parallel()
	me := strconv.Itoa(os.Getpid())
	self, own := process(t, "cpu io memory pids\n", me+"\n")
	got, err := delegated(self)
	if err != nil || got != own {
		t.Fatalf("it is %q, %v", got, err)
	}
	if procs := read(t, own, hostGroup, "cgroup.procs"); procs != me {
		t.Errorf("%q was moved", procs)
	}
	if control := read(t, own, "cgroup.subtree_control"); control != "+memory +cpu" {
		t.Errorf("%q was turned on", control)
	}
}

func TestACgroupThatIsNotDelegatedIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	me := strconv.Itoa(os.Getpid())
	for want, c := range map[string]struct{ controllers, pids string }{
		"no controller memory": {"cpu pids", me},
		"no controller cpu":    {"memory", me},
		"not this one's":       {"cpu memory", me + "\n1\n"},
	} {
		self, own := process(t, c.controllers, c.pids)
		if _, err := delegated(self); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one of %q", err, want)
		}
		if _, err := os.Stat(filepath.Join(own, hostGroup)); err == nil {
			t.Error("something was moved")
		}
	}
	self := t.TempDir()
	write(t, filepath.Join(self, "cgroup"), "0::/\n")
	write(t, filepath.Join(self, "mountinfo"), "25 1 0:22 / /sys/fs/cgroup/memory rw - cgroup none rw,memory\n")
	if _, err := delegated(self); err == nil || !strings.Contains(err.Error(), "no cgroup v2") {
		t.Errorf("error is %v", err)
	}
}

func TestACellsCgroupHasItsAllowance(t *testing.T) {
	t.Parallel()
	g, err := newGroup(t.TempDir(), "model-1", allowance.Allowance{Memory: 64 << 20, CPU: 1500})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = g.remove() }()
	for file, want := range map[string]string{
		"memory.max": "67108864", "memory.swap.max": "0", "memory.oom.group": "1", "cpu.max": "150000 100000", "cpu.weight": "25",
	} {
		if got := read(t, g.folder, file); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
	cmd := exec.Command("true")
	g.enter(cmd)
	if !cmd.SysProcAttr.UseCgroupFD || cmd.SysProcAttr.CgroupFD != int(g.handle.Fd()) {
		t.Errorf("it would start with %+v", cmd.SysProcAttr)
	}
	for events, want := range map[string]bool{"low 0\noom 0\noom_kill 0\n": false, "oom 1\noom_kill 1\n": true} {
		write(t, filepath.Join(g.folder, "memory.events"), events)
		if g.killed() != want {
			t.Errorf("killed is %v after %q", !want, events)
		}
	}
}

// TestTheKernelEndsWhatTakesTooMuch runs where this process has a cgroup v2 of its own, as under `systemd-run --user --scope -p Delegate=yes`.
func TestTheKernelEndsWhatTakesTooMuch(t *testing.T) {
	t.Parallel()
	confiner := New(slog.New(slog.DiscardHandler))
	if confiner.cells == "" {
		t.Log("left out: this process has no delegated cgroup v2")
		return
	}
	cell := confiner.Cell(allowance.Allowance{Memory: 32 << 20})
	cmd := exec.Command("tail", "/dev/zero") // which keeps what it reads until a line ends
	cell.Enter(cmd)
	err := cmd.Run()
	cell.Leave()
	if err == nil || !cell.Exceeded() {
		t.Errorf("it ended with %v; exceeded: %v", err, cell.Exceeded())
	}
	if _, err := os.Stat(cell.group.folder); err == nil {
		t.Error("the cgroup is left")
	}
}

func TestTheLeastLimitOfAContainerIsItsMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cgroup, part, mount string            // of /proc/PID/cgroup and mountinfo
		limits              map[string]string // by file below the mount
		want                int64
	}{
		"v2, no limit":           {"0::/pod/one", "/", "cgroup2 none rw", map[string]string{"pod/one/memory.max": "max\n"}, 0},
		"v2, its own":            {"0::/pod/one", "/", "cgroup2 none rw", map[string]string{"pod/one/memory.max": "1073741824\n", "pod/memory.max": "max\n"}, 1 << 30},
		"v2, of one above it":    {"0::/pod/one", "/", "cgroup2 none rw", map[string]string{"pod/one/memory.max": "max\n", "pod/memory.max": "536870912\n"}, 512 << 20},
		"v2, within a container": {"0::/", "/", "cgroup2 none rw", map[string]string{"memory.max": "268435456\n"}, 256 << 20},
		"v1":                     {"5:cpu:/other\n4:memory:/docker/a", "/docker/a", "cgroup none rw,memory", map[string]string{"memory.limit_in_bytes": "805306368\n"}, 768 << 20},
		"none":                   {"4:cpu:/", "/", "tmpfs none rw", nil, 0},
	} {
		self, mounted := t.TempDir(), t.TempDir()
		write(t, filepath.Join(self, "cgroup"), c.cgroup+"\n")
		write(t, filepath.Join(self, "mountinfo"), "30 1 0:26 "+c.part+" "+mounted+" rw,nosuid - "+c.mount+"\n")
		for path, text := range c.limits {
			write(t, filepath.Join(mounted, path), text)
		}
		if got := memoryLimit(self); got != c.want {
			t.Errorf("%s: it is %d, want %d", name, got, c.want)
		}
	}
}
