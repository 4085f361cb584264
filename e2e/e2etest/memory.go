package e2etest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Memory is what a process holds of the machine's, in bytes.
type Memory struct {
	Now  int64
	Peak int64 // since it was last looked at
}

// Memory returns how much memory the host's process holds, without its children. The next call's Peak begins now.
func (h *Host) Memory(t testing.TB) Memory {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/", h.process.Process.Pid)
	status, err := os.ReadFile(folder + "status")
	Must(t, err)
	m := Memory{Now: kilobytes(t, string(status), "VmRSS:"), Peak: kilobytes(t, string(status), "VmHWM:")}
	const resetPeak = "5" // proc(5), clear_refs
	Must(t, os.WriteFile(folder+"clear_refs", []byte(resetPeak), 0))
	return m
}

// kilobytes returns the value of a line of /proc/PID/status, converted to bytes.
func kilobytes(t testing.TB, status, name string) int64 {
	t.Helper()
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			Must(t, err)
			return n << 10
		}
	}
	t.Fatalf("there is no %s in\n%s", name, status)
	return 0
}

// Memory is Host.Memory of the shared host. It returns zeros for the host of MAAS_SERVER, whose processes are elsewhere.
func (s *SharedHost) Memory(t testing.TB) Memory {
	t.Helper()
	if s.host == nil {
		return Memory{}
	}
	return s.host.Memory(t)
}
