//go:build !cluster

package field

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestModelServersAreReachedByThisUserAlone looks at what a host and its model servers listen on.
func TestModelServersAreReachedByThisUserAlone(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	u.Serve("digits")
	run := filepath.Join(the.Data(t), "run")
	about, err := os.Stat(run)
	e2etest.Must(t, err)
	if about.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the sockets has the mode %o", about.Mode().Perm())
	}
	sockets, err := filepath.Glob(filepath.Join(run, "*.model"))
	e2etest.Must(t, err)
	sockets = append(sockets, filepath.Join(run, "models.sock"))
	if len(sockets) < 2 {
		t.Errorf("no model server listens on a socket: %v", sockets)
	}
	for _, socket := range sockets {
		about, err := os.Stat(socket)
		if err == nil && (about.Mode().Perm() != 0o600 || about.Mode().Type() != os.ModeSocket) {
			t.Errorf("%s has the mode %s", socket, about.Mode())
		}
	}
	for _, pid := range servers(t) {
		if held := tcpListeners(t, pid); held != "" {
			t.Errorf("the model server %s listens on %s", pid, held)
		}
	}
}

// servers returns the process ids of the shared host's model servers.
func servers(t *testing.T) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	e2etest.Must(t, err)
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), "maas-onnx\x00") && strings.Contains(string(text), the.Data(t)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	if len(pids) == 0 {
		t.Error("no model server runs")
	}
	return pids
}

// tcpListeners returns the TCP addresses on which a process listens, as the kernel writes them.
func tcpListeners(t *testing.T, pid string) string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%s/fd/*", pid))
	e2etest.Must(t, err)
	own := map[string]bool{}
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil {
			own[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	var held []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table) // a machine may have no IPv6
		for line := range strings.Lines(string(text)) {
			const local, status, inode, listening = 1, 3, 9, "0A"
			if fields := strings.Fields(line); len(fields) > inode && fields[status] == listening && own[fields[inode]] {
				held = append(held, fields[local])
			}
		}
	}
	return strings.Join(held, " ")
}
