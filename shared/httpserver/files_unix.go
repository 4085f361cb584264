//go:build unix

package httpserver

import (
	"math"
	"syscall"
)

// maxFiles returns how many files the process may have open (RLIMIT_NOFILE), math.MaxUint64 if that is not known. Go has raised the soft limit
// to the hard one when the process started (package os).
func maxFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxUint64
	}
	return limit.Cur
}
