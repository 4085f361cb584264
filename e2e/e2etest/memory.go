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

// Memory returns what the host's own process holds, without its children, and begins a new peak.
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

// kilobytes returns a line of /proc/PID/status in bytes.
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

// Memory returns the host's, and nothing on a host that stays: its processes are elsewhere.
func (s *SharedHost) Memory(t testing.TB) Memory {
	t.Helper()
	if s.host == nil {
		return Memory{}
	}
	return s.host.Memory(t)
}
