//go:build unix

package httpserver

import (
	"math"
	"syscall"
)

// maxFiles returns how many files the process may have open. Go raises the soft limit to the hard one when a process starts (package os), for
// itself and not for its child processes.
func maxFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxUint64
	}
	return limit.Cur
}
